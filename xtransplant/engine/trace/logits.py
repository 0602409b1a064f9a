"""What runs inside a traced block: log-probabilities are read of logits.

As in :mod:`xtransplant.engine.trace.apply`, these functions travel by their source, and so use
nothing but their arguments, torch and builtins.
"""

from __future__ import annotations

import sys
from typing import Any, TypedDict

import torch
from torch import Tensor

from xtransplant.compat.nnsight import send_by_value
from xtransplant.engine.compile.steps import Wanted
from xtransplant.engine.trace.projection import read_hidden

__all__ = [
    "CandidateTensors",
    "pad_generated",
    "read_outputs",
    "read_pass",
    "score_candidates",
    "token_certainty",
]


class CandidateTensors(TypedDict):
    """Candidates of one prompt, to be scored in a pass of their own after it.

    Attributes:
        first: ``[n_candidates]``, the first token of each.
        inputs: of the pass: ``input_ids`` ``[n_rows, longest]``, all but the last token of each
            candidate longer than one, each different beginning once, padded on the right; and
            ``attention_mask`` ``[n_rows, length + longest]`` over the prompt and these, all ones,
            since nothing real comes after the padding.
        owner, row, column, token: of every token but the first, its candidate, the place in
            ``input_ids`` that predicts it, and its id.
    """

    first: Tensor
    inputs: dict[str, Any]
    owner: Tensor
    row: Tensor
    column: Tensor
    token: Tensor


def read_pass(nn: Any, head: dict[str, Any] | None, wanted: Wanted) -> dict[str, Tensor]:
    """Candidates' and next tokens' log-probabilities of a pass; to be called inside its trace.

    Args:
        nn: the traced model.
        head: its projection (:class:`xtransplant.model.head.Head`), which is then done here, a few
            ids at a time; None to read the logits that the model's own code makes of all ids.
        wanted: what to read of them.

    Returns:
        As :func:`read_outputs`.
    """
    if head is None:
        return read_outputs(nn.output.logits, None, wanted)
    module = nn.get(head["path"])
    hidden = module.input
    # The module itself is left no row to project.
    module.inputs = ((hidden[:, :0],), {})
    return read_outputs(hidden, head, wanted)


def read_outputs(values: Tensor, head: dict[str, Any] | None, wanted: Wanted) -> dict[str, Tensor]:
    """Candidates' and next tokens' log-probabilities; to be called inside a trace.

    Args:
        values: logits ``[n_rows, n_kept or n_columns, vocabulary]`` or, with ``head``, the hidden
            states that it projects onto them, ``[..., d_model]``.
        head: as in :func:`read_pass`.
        wanted: what to read of them.

    Returns:
        On the CPU: ``edges`` ``[n_examples, n_blocks, n_edges]``, log-probability of each token of
        the candidates; ``top`` and ``ids`` ``[n_examples, n_blocks, top_k]``, the most probable
        next tokens. All natural logarithms.
    """
    n_blocks, end, order = wanted["n_blocks"], wanted["end"], wanted["order"]
    if values.shape[1] != len(wanted["keep"]):
        values = values[:, wanted["keep"]]
    values = values.reshape(wanted["n_examples"], n_blocks, -1, values.shape[-1])
    # What is asked for lies on the CPU, the logits where the last layer is.
    tokens, place = wanted["tokens"].unique(return_inverse=True)
    if head is None:
        norm, asked, top, ids = _read_logits(values, tokens.to(values.device), wanted)
    else:
        norm, asked, top, ids = read_hidden(values, head, tokens, place, wanted)
    nodes, place = (
        index.to(norm.device)[:, None].expand(-1, n_blocks, -1)
        for index in (wanted["nodes"], place)
    )
    edges = asked.flatten(2).gather(2, nodes * len(tokens) + place) - norm.gather(2, nodes)
    return {
        "edges": edges.cpu()[:, order],
        "top": (top - norm[:, :, end, None]).cpu()[:, order],
        "ids": ids.cpu()[:, order],
    }


def _read_logits(
    logits: Tensor, tokens: Tensor, wanted: Wanted
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What is read of the logits that a model gives, ``[n_examples, n_blocks, n_places, ids]``.

    Args:
        logits: of all ids.
        tokens: ``[n_tokens]``, ids whose logits are asked for at every place.
        wanted: what to read of them.

    Returns:
        In float32: the log-sum-exp over all ids ``[n_examples, n_blocks, n_places]``, the logits of
        ``tokens`` ``[..., n_tokens]``, and the highest at the prompt's end with their ids,
        ``[n_examples, n_blocks, top_k]``.
    """
    size = logits.shape[-1]
    # A few rows at a time on a CPU, so that what is made of them stays in its cache.
    step = max(1, 2**18 // size) if logits.device.type == "cpu" else 2**30
    pieces = logits.reshape(-1, size).split(step)
    norm = torch.cat([piece.float().logsumexp(dim=-1) for piece in pieces])
    top, ids = logits[:, :, wanted["end"]].float().topk(wanted["top_k"], dim=-1)
    return norm.reshape(logits.shape[:3]), logits[..., tokens].float(), top, ids


def token_certainty(logits: Tensor) -> Tensor:
    """How sure the most probable token is: ``[n, vocabulary]`` to ``[n, 2]``.

    Its log-probability, and how far behind it the next likeliest is, in nats; NaN where any logit
    is NaN or infinitely high.
    """
    logits = logits.float()
    two = logits.topk(2, dim=-1).values
    return torch.stack([two[:, 0] - logits.logsumexp(dim=-1), two[:, 0] - two[:, 1]], dim=-1)


def score_candidates(
    last: Tensor, more: Tensor | None, candidates: CandidateTensors, top_k: int
) -> dict[str, Tensor]:
    """Log-likelihoods of a prompt's candidates, and its most probable next tokens, on the CPU.

    Args:
        last: ``[vocabulary]``, logits of the prompt's last token.
        more: ``[n_rows, longest, vocabulary]``, logits of the candidates' rows; None without any.
        candidates: what they are.
        top_k: how many next tokens.
    """
    logprobs = last.float().log_softmax(-1).cpu()
    scores = logprobs[candidates["first"]].double()
    if more is not None:
        after = more.float().log_softmax(-1).cpu()
        found = after[candidates["row"], candidates["column"], candidates["token"]]
        scores = scores.index_add(0, candidates["owner"], found.double())
    top, ids = logprobs.topk(top_k)
    return {"scores": scores, "top": top, "ids": ids}


def pad_generated(ids: Tensor, logprobs: list[Tensor], length: int) -> dict[str, Tensor]:
    """A text's tokens and their log-probabilities, padded, on the CPU.

    All texts have one length, so that it is known what has to come back.

    Args:
        ids: ``[n_new]``, token ids; padded with -1.
        logprobs: tensors ``[1]``, one per token; padded with 0.
        length: what both are padded to.
    """
    found = torch.cat(logprobs)
    pad = torch.nn.functional.pad
    return {
        "new_ids": pad(ids, (0, length - len(ids)), value=-1).cpu(),
        "logprobs": pad(found, (0, length - len(found))).cpu(),
    }


send_by_value(sys.modules[__name__])
