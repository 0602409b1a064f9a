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

__all__ = [
    "CandidateTensors",
    "pad_generated",
    "read_outputs",
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


def read_outputs(logits: Tensor, wanted: Wanted) -> dict[str, Tensor]:
    """Candidates' and next tokens' log-probabilities; to be called inside a trace.

    Args:
        logits: ``[n_rows, n_kept or n_columns, vocabulary]``.
        wanted: what to read of them.

    Returns:
        On the CPU: ``edges`` ``[n_examples, n_blocks, n_edges]``, log-probability of each token of
        the candidates; ``top`` and ``ids`` ``[n_examples, n_blocks, top_k]``, the most probable
        next tokens. All natural logarithms.
    """
    n_blocks, end, order = wanted["n_blocks"], wanted["end"], wanted["order"]
    if logits.shape[1] != len(wanted["keep"]):
        logits = logits[:, wanted["keep"]]
    size = logits.shape[-1]
    # A few rows at a time on a CPU, so that what is made of them stays in its cache.
    step = max(1, 2**18 // size) if logits.device.type == "cpu" else 2**30
    pieces = logits.reshape(-1, size).split(step)
    norm = torch.cat([piece.float().logsumexp(dim=-1) for piece in pieces])
    # [examples, blocks, places * vocabulary] and [examples, blocks, places]
    logits = logits.reshape(wanted["n_examples"], n_blocks, -1)
    norm = norm.reshape(wanted["n_examples"], n_blocks, -1)
    # What is asked for lies on the CPU, the logits where the last layer is.
    nodes, tokens = (
        asked.to(logits.device)[:, None].expand(-1, n_blocks, -1)
        for asked in (wanted["nodes"], wanted["tokens"])
    )
    edges = logits.gather(2, nodes * size + tokens).float() - norm.gather(2, nodes)
    last = logits[:, :, end * size : (end + 1) * size]
    top, ids = last.float().topk(wanted["top_k"], dim=-1)
    return {
        "edges": edges.cpu()[:, order],
        "top": (top - norm[:, :, end, None]).cpu()[:, order],
        "ids": ids.cpu()[:, order],
    }


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
