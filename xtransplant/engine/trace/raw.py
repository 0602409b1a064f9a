"""Raw strategies: a script of the user's in the traces of one variant, one variant after another.

Nothing is shared between variants, so that a script may do there whatever nnsight allows: each one
reads the source anew, and each trace holds its prompt and nothing else. The candidates are scored
in a third pass, from the keys and values that the script's own pass over the target has left.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import nnsight
import torch
from torch import Tensor

from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.engine.trace.rows import end_ids, greedy, until_end
from xtransplant.engine.trace.validate import believe
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.strategies import Script
from xtransplant.strategies.faults import describe_error

__all__ = ["run_scripts", "say_scripts", "token_forwards"]


def run_scripts(
    model: Model, item: Item, scripts: Sequence[Script], top_k: int
) -> dict[str, Tensor]:
    """Candidates and next tokens of an example under every script.

    Returns:
        ``scores`` ``[n_scripts, n_candidates]``, log-likelihoods (natural logarithm, float64);
        ``top`` and ``ids`` ``[n_scripts, top_k]``, the most probable next tokens.

    Raises:
        XTransplantError: a script that fails, or has not exactly one ``yield``; or memory that
            one variant does not fit into.
    """
    found = _scored(model, item, scripts, *_as_tensors(item.target_candidates), top_k)
    _check_yields(found, scripts)
    if model.backend.travels:
        sizes = {"scores": len(item.target_candidates), "top": top_k, "ids": top_k}
        shapes = {name: (size,) for name, size in sizes.items()}
        believe(model, found, [shapes] * len(scripts))
    return {name: torch.stack([one[name] for one in found]) for name in ("scores", "top", "ids")}


def say_scripts(
    model: Model, item: Item, scripts: Sequence[Script], max_new_tokens: int
) -> tuple[list[list[int]], list[Tensor]]:
    """Token ids that the target is continued with under every script, greedily, and their
    log-probabilities (not finite where any logit is NaN or infinitely high).

    Raises:
        XTransplantError: as :func:`run_scripts`.
    """
    found = _said(model, item, scripts, max_new_tokens)
    _check_yields(found, scripts)
    if model.backend.travels:
        shapes = dict.fromkeys(("said", "tops"), (max_new_tokens,))
        believe(model, found, [shapes] * len(scripts))
    said = [[token for token in one["said"].tolist() if token >= 0] for one in found]
    ids = [until_end(one, end_ids(model)) for one in said]
    return ids, [one["tops"][: len(own)] for one, own in zip(found, ids, strict=True)]


def token_forwards(item: Item, n_scripts: int, n_new: int = 0) -> float:
    """How often a token goes through the whole model, for all scripts.

    Args:
        n_new: tokens generated, over all of them; 0 where candidates are scored.
    """
    _, rows, _ = _as_tensors(item.target_candidates)
    after = n_new - n_scripts if n_new else n_scripts * rows.numel()
    return float(n_scripts * (len(item.source) + len(item.target)) + after)


Candidates = tuple[Tensor, Tensor, tuple[Tensor, ...]]


def _as_tensors(candidates: Sequence[Sequence[int]]) -> Candidates:
    """First tokens, what is read after the prompt, and where the other tokens are told.

    Returns:
        ``[n_candidates]``; ``[n_rows, longest]``, each different beginning once, filled up at the
        end, where nothing before it can see it; and of every token but the first its candidate,
        row, column and id.
    """
    first = torch.tensor([ids[0] for ids in candidates], dtype=torch.long)
    beginnings = list(dict.fromkeys(tuple(ids[:-1]) for ids in candidates if len(ids) > 1))
    rows = torch.zeros(len(beginnings), max(map(len, beginnings), default=0), dtype=torch.long)
    for row, beginning in enumerate(beginnings):
        rows[row, : len(beginning)] = torch.tensor(beginning)
    places = [
        (candidate, beginnings.index(tuple(ids[:-1])), column, token)
        for candidate, ids in enumerate(candidates)
        for column, token in enumerate(ids[1:])
    ]
    return first, rows, torch.tensor(places, dtype=torch.long).reshape(-1, 4).unbind(-1)


def _scored(
    model: Model,
    item: Item,
    scripts: Sequence[Script],
    first: Tensor,
    rows: Tensor,
    places: tuple[Tensor, ...],
    top_k: int,
) -> list[dict[str, Tensor]]:
    nn, (function, options, pairs) = model.nn, _calls(scripts)
    source, target = _prompts(model, item)
    rows = rows.to(model.device)
    owners, at, columns, tokens = places
    after = torch.ones(len(rows), target["input_ids"].shape[1] + rows.shape[1], dtype=torch.long)
    after = after.to(model.device)
    asked = function, options, pairs, source, target, first, rows, places, top_k
    with _explained(model, item, scripts), nn.session(**model.session("raw", *asked)):
        found: list[dict[str, Tensor]] = []
        nnsight.save(found)
        for i, j in pairs:
            end = object()
            script = function(nn, i, j, **options)
            with nn.trace(**source):
                stopped = next(script, end) is end
            with nn.trace(**target):
                stopped = stopped or next(script, end) is not end
                last = nn.output.logits[0, -1].detach().float().log_softmax(-1).cpu()
                cache = nn.output.past_key_values
            if stopped:
                found.append({})
                break
            scores = last[first].double()
            if len(rows):
                cache.batch_repeat_interleave(len(rows))
                with nn.trace(
                    input_ids=rows, attention_mask=after, past_key_values=cache, use_cache=True
                ):
                    more = nn.output.logits.detach().float().log_softmax(-1).cpu()
                scores = scores.index_add(0, owners, more[at, columns, tokens].double())
            top, ids = last.topk(top_k)
            found.append({"scores": scores, "top": top, "ids": ids})
    return found


def _said(
    model: Model, item: Item, scripts: Sequence[Script], max_new_tokens: int
) -> list[dict[str, Tensor]]:
    nn, (function, options, pairs) = model.nn, _calls(scripts)
    source, target = _prompts(model, item)
    # The first token is told by the script's own pass, where gradients are to be had.
    settings, ends = greedy(model, max(1, max_new_tokens - 1)), end_ids(model)
    asked = function, options, pairs, source, target, max_new_tokens, ends
    with _explained(model, item, scripts), nn.session(**model.session("raw generate", *asked)):
        found: list[dict[str, Tensor]] = []
        nnsight.save(found)
        tops: list[Tensor] = []

        # Without types: where it travels to, their names may not be known.
        def watch(ids, logits):  # type: ignore[no-untyped-def]
            tops.append(logits.max(dim=-1).values - logits.logsumexp(dim=-1))
            return logits

        for i, j in pairs:
            end = object()
            script = function(nn, i, j, **options)
            tops.clear()
            with nn.trace(**source):
                stopped = next(script, end) is end
            with nn.trace(**target):
                stopped = stopped or next(script, end) is not end
                last = nn.output.logits[:, -1].detach().float()
                tops.append(last.max(dim=-1).values - last.logsumexp(dim=-1))
                token = nn.output.logits[:, -1:].detach().argmax(-1)
                token = token.to(target["input_ids"].device)
                cache = nn.output.past_key_values
            if stopped:
                found.append({})
                break
            said = token[0]
            if max_new_tokens > 1 and int(token) not in ends:
                ids = torch.cat([target["input_ids"], token], dim=1)
                with nn.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    past_key_values=cache,
                    generation_config=settings,
                    logits_processor=[watch],
                ) as tracer:
                    said = tracer.result[0, ids.shape[1] - 1 :]
            # As long as any, so that it is known what a server has to answer with.
            said = torch.nn.functional.pad(said, (0, max_new_tokens - len(said)), value=-1)
            told = torch.cat(tops)
            told = torch.nn.functional.pad(told, (0, max_new_tokens - len(told)))
            found.append({"said": said.cpu(), "tops": told.cpu()})
    return found


Calls = tuple[Any, dict[str, Any], list[tuple[int, int]]]


def _calls(scripts: Sequence[Script]) -> Calls:
    """The function of some scripts, all of one strategy, and what it is called with."""
    return scripts[0].function, dict(scripts[0].options), [(one.i, one.j) for one in scripts]


def _prompts(model: Model, item: Item) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the two traces take."""
    source, target = (
        torch.tensor([list(ids)], device=model.device) for ids in (item.source, item.target)
    )
    return (
        {"input_ids": source, "attention_mask": torch.ones_like(source), "use_cache": False},
        {"input_ids": target, "attention_mask": torch.ones_like(target), "use_cache": True},
    )


@contextmanager
def _explained(model: Model, item: Item, scripts: Sequence[Script]) -> Iterator[None]:
    """Say where a script fails."""
    one = scripts[0]
    try:
        yield
    except (XTransplantError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if is_out_of_memory(error):
            raise XTransplantError(
                f"{model.name} runs out of memory on one variant of raw strategy {one.name}, on "
                f"prompts of {len(item.source)} and {len(item.target)} tokens; use a smaller "
                "--dtype, a shorter prompt or --device-map auto"
            ) from error
        frames = list(traceback.walk_tb(error.__traceback__))
        codes = [frame.f_code for frame, _ in frames]
        code = inspect.unwrap(one.function).__code__
        if code not in codes:
            raise
        frames = frames[codes.index(code) :]
        i, j = (frames[0][0].f_locals.get(name) for name in code.co_varnames[1:3])
        lines = [line for frame, line in frames if frame.f_code.co_filename == one.origin]
        raise XTransplantError(
            f"strategy {one.name} fails at layer pair {i}→{j}, {one.origin} line {lines[-1]}: "
            f"{describe_error(error)}"
        ) from error


def _check_yields(found: Sequence[dict[str, Tensor]], scripts: Sequence[Script]) -> None:
    """The first script that stops at the wrong place leaves nothing, and is the last."""
    if isinstance(found, list) and found and isinstance(found[-1], dict) and not found[-1]:
        raise XTransplantError(
            f"raw strategy {scripts[0].name} has more or fewer than one yield; write one between "
            "what it does in the trace of the source and in that of the target: "
            f"{scripts[0].origin}"
        )
