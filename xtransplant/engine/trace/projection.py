"""The vocabulary's projection inside a traced block: what is read of it, a few ids at a time.

As in :mod:`xtransplant.engine.trace.apply`, these functions travel by their source, and so use
nothing but their arguments, torch and builtins.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from xtransplant.compat.nnsight import send_by_value
from xtransplant.engine.compile.steps import Wanted

__all__ = ["highest_ids", "read_hidden"]


def read_hidden(
    hidden: Tensor, head: dict[str, Any], tokens: Tensor, place: Tensor, wanted: Wanted
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What is read of the logits of hidden states ``[n_examples, n_blocks, n_places, d_model]``.

    Where the sum over all ids is not wanted, it is that over the ids asked for there, which is
    lower: what comes of it is an upper bound of a log-probability, and differences between these
    ids are as they are.

    Args:
        hidden: what the projection is given.
        head: the projection, as in :func:`xtransplant.engine.trace.logits.read_pass`.
        tokens: ``[n_tokens]``, ids whose logits are asked for.
        place: ``[n_examples, n_edges]``, which of them each edge is.
        wanted: what to read.

    Returns:
        In float32: the log-sum-exp over all ids ``[n_examples, n_blocks, n_places]``; the logits of
        ``tokens`` where they were asked for ``[..., n_tokens]``; and the highest at the prompt's
        end with their ids, ``[n_examples, n_blocks, top_k]``.
    """
    end, nodes, normed = wanted["end"], wanted["nodes"], wanted["normed"]
    hidden, shape = hidden.to(head["weight"].device), hidden.shape[:2]
    # All ids are projected of the prompt's last token, and where their sum is wanted.
    others = normed.clone()
    others[:, end] = False
    example, at = others.to(hidden.device).nonzero(as_tuple=True)
    last = hidden[:, :, end].flatten(0, 1)
    rows = torch.cat([last, hidden[example, :, at].flatten(0, 1)])
    found = _project(rows, head, tokens.to(hidden.device), len(last), wanted["top_k"])
    norm = found["norm"].new_full(hidden.shape[:3], -torch.inf)
    asked = found["asked"].new_zeros(*hidden.shape[:3], len(tokens))
    for whole, name in ((norm, "norm"), (asked, "asked")):
        whole[:, :, end] = found[name][: len(last)].unflatten(0, shape)
        whole[example, :, at] = found[name][len(last) :].unflatten(0, (len(example), shape[1]))
    # Elsewhere the ids asked for, one by one: of small matrices a product's rows may differ in
    # their last bit by where they stand.
    ranked = ~normed.gather(1, nodes)
    for one, edge in ranked.nonzero().tolist():
        node, token = int(nodes[one, edge]), int(place[one, edge])
        asked[one, :, node, token] = _logit(hidden[one, :, node], head, int(tokens[token]))
    for one, node in {(one, int(nodes[one, edge])) for one, edge in ranked.nonzero().tolist()}:
        there = place[one][(nodes[one] == node) & ranked[one]].unique().to(asked.device)
        norm[one, :, node] = asked[one, :, node][:, there].logsumexp(dim=-1)
    return norm, asked, found["top"].unflatten(0, shape), found["ids"].unflatten(0, shape)


def highest_ids(hidden: Tensor, head: dict[str, Any], n: int) -> Tensor:
    """The ``n`` most probable ids after each of some hidden states ``[n_rows, d_model]``: a set."""
    rows = hidden.to(head["weight"].device)
    logits = torch.nn.functional.linear(rows, head["weight"], head["bias"])
    found: Tensor = logits.topk(min(n, logits.shape[-1]), dim=-1).indices.unique().cpu()
    return found


def _logit(rows: Tensor, head: dict[str, Any], token: int) -> Tensor:
    """The logit of one id in some rows ``[n, d_model]``, in float32."""
    found = (rows.float() * head["weight"][token].float()).sum(dim=-1)
    if head["bias"] is not None:
        found = found + head["bias"][token].float()
    return _after_head(found, head)


def _after_head(logits: Tensor, head: dict[str, Any]) -> Tensor:
    """What the model's own code does to its projection's output."""
    if head["scale"] != 1:
        logits = logits * head["scale"]
    if head["softcap"] is not None:
        logits = torch.tanh(logits / head["softcap"]) * head["softcap"]
    return logits


def _project(
    rows: Tensor, head: dict[str, Any], tokens: Tensor, n_last: int, top_k: int
) -> dict[str, Tensor]:
    """The vocabulary's projection, a few ids of all rows at a time.

    Args:
        rows: ``[n, d_model]``.
        head: as in :func:`read_pass`.
        tokens: ``[n_tokens]``, ids whose logits are asked for.
        n_last: how many of the rows, the first, have their highest logits read.
        top_k: how many of these.

    Returns:
        In float32 ``norm`` ``[n]``, the log-sum-exp over all ids, which is that of those of the
        parts; ``asked`` ``[n, n_tokens]``; and ``top`` with their ``ids``, ``[n_last, top_k]``.
    """
    weight, bias = head["weight"], head["bias"]
    step = max(256, head["at_once"] // max(1, len(rows)))
    asked = torch.empty(len(rows), len(tokens), device=rows.device)
    best = torch.full((n_last, top_k), -torch.inf, device=rows.device)
    ids = torch.zeros(n_last, top_k, dtype=torch.long, device=rows.device)
    norms = []
    for start in range(0, len(weight), step):
        stop = min(start + step, len(weight))
        added = None if bias is None else bias[start:stop]
        part = torch.nn.functional.linear(rows, weight[start:stop], added)
        part = _after_head(part, head).float()
        here = (tokens >= start) & (tokens < stop)
        asked[:, here] = part[:, tokens[here] - start]
        highest = part.amax(dim=-1)
        if top_k:
            _keep_best(best, ids, part[:n_last], highest[:n_last], start)
        # Minus infinity from itself would be NaN.
        highest = highest.clamp(min=torch.finfo(part.dtype).min)
        norms.append(part.sub_(highest[:, None]).exp_().sum(dim=-1).log() + highest)
    return {"norm": torch.stack(norms).logsumexp(0), "asked": asked, "top": best, "ids": ids}


def _keep_best(best: Tensor, ids: Tensor, part: Tensor, highest: Tensor, start: int) -> None:
    """Put what is high in a part of the ids among the highest so far; most rows have nothing there.

    Args:
        best: ``[n, top_k]``, the highest logits; changed in place.
        ids: ``[n, top_k]``, whose they are; changed in place.
        part: ``[n, n_ids]``, logits of the ids from ``start`` on.
        highest: ``[n]``, the highest of each row.
        start: the first id.
    """
    top_k = best.shape[1]
    better = (highest > best[:, -1]).nonzero()[:, 0]
    if not len(better):
        return
    found, place = part[better].topk(min(top_k, part.shape[1]), dim=-1)
    values = torch.cat([best[better], found], dim=1)
    names = torch.cat([ids[better], place + start], dim=1)
    best[better], order = values.topk(top_k, dim=1)
    ids[better] = names.gather(1, order)


send_by_value(sys.modules[__name__])
