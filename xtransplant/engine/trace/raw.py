"""Raw strategies: a script of the user's in the traces of one variant, one variant after another.

Nothing is shared between variants, so that a script may do there whatever nnsight allows: each one
reads the source anew, and each trace holds its prompt and nothing else. Candidates are scored, and
texts generated, in a third pass, from the KV cache that the script's own pass over the target has
left.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

import nnsight
import torch
from torch import Tensor

from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.engine.trace.greedy import cut_at_end, end_ids, greedy_settings
from xtransplant.engine.trace.logits import (
    CandidateTensors,
    pad_generated,
    score_candidates,
    token_certainty,
)
from xtransplant.engine.trace.validate import validate_outputs
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.strategies import Script
from xtransplant.strategies.faults import describe_error

__all__ = ["generate_scripts", "score_scripts", "token_forwards"]


class _ScriptRequest(TypedDict):
    """What is done after each script: candidates are scored, or else a text is generated."""

    candidates: CandidateTensors | None
    top_k: int
    max_new_tokens: int
    ends: list[int]


def score_scripts(
    model: Model, item: Item, scripts: Sequence[Script], top_k: int
) -> dict[str, Tensor]:
    """Candidates and next tokens of an example under every script.

    Args:
        model: a loaded model.
        item: the example.
        scripts: all of one strategy.
        top_k: how many next tokens.

    Returns:
        ``scores`` ``[n_scripts, n_candidates]``, log-likelihoods (natural logarithm, float64);
        ``top`` and ``ids`` ``[n_scripts, top_k]``, the most probable next tokens.

    Raises:
        XTransplantError: a script that fails, or has not exactly one ``yield``; or memory that
            one variant does not fit into.
    """
    length = len(item.target)
    candidates = _as_tensors(item.target_candidates, length, model.device)
    asked = _ScriptRequest(candidates=candidates, top_k=top_k, max_new_tokens=0, ends=[])
    found = _run_scripts(model, item, scripts, asked)
    if model.backend.travels:
        sizes = {"scores": len(item.target_candidates), "top": top_k, "ids": top_k}
        shapes = {name: (size,) for name, size in sizes.items()}
        validate_outputs(model, found, [shapes] * len(scripts))
    return {name: torch.stack([one[name] for one in found]) for name in ("scores", "top", "ids")}


def generate_scripts(
    model: Model, item: Item, scripts: Sequence[Script], max_new_tokens: int
) -> tuple[list[list[int]], list[Tensor]]:
    """What the target is continued with under every script, greedily.

    Args:
        model: a loaded model.
        item: the example.
        scripts: all of one strategy.
        max_new_tokens: longest continuation.

    Returns:
        Per script, its token ids and their log-probabilities (not finite where any logit is NaN or
        infinitely high).

    Raises:
        XTransplantError: as :func:`score_scripts`.
    """
    ends = end_ids(model)
    asked = _ScriptRequest(candidates=None, top_k=0, max_new_tokens=max_new_tokens, ends=ends)
    found = _run_scripts(model, item, scripts, asked)
    if model.backend.travels:
        shapes = dict.fromkeys(("new_ids", "logprobs"), (max_new_tokens,))
        validate_outputs(model, found, [shapes] * len(scripts))
    ids = [
        cut_at_end([token for token in one["new_ids"].tolist() if token >= 0], ends)
        for one in found
    ]
    return ids, [one["logprobs"][: len(own)] for one, own in zip(found, ids, strict=True)]


def token_forwards(item: Item, n_scripts: int, n_new: int = 0) -> float:
    """How often a token goes through the whole model, for all scripts.

    Args:
        item: the example.
        n_scripts: how many scripts.
        n_new: tokens generated, over all of them; 0 where candidates are scored.
    """
    candidates = _as_tensors(item.target_candidates, len(item.target), torch.device("cpu"))
    rows = candidates["inputs"]["input_ids"]
    after = n_new - n_scripts if n_new else n_scripts * rows.numel()
    return float(n_scripts * (len(item.source) + len(item.target)) + after)


def _as_tensors(
    candidates: Sequence[Sequence[int]], length: int, device: torch.device
) -> CandidateTensors:
    """Candidates after a prompt of some length; what the model reads lies on the device."""
    beginnings = list(dict.fromkeys(tuple(ids[:-1]) for ids in candidates if len(ids) > 1))
    rows = torch.zeros(len(beginnings), max(map(len, beginnings), default=0), dtype=torch.long)
    for number, beginning in enumerate(beginnings):
        rows[number, : len(beginning)] = torch.tensor(beginning)
    places = [
        (candidate, beginnings.index(tuple(ids[:-1])), column, token)
        for candidate, ids in enumerate(candidates)
        for column, token in enumerate(ids[1:])
    ]
    owner, row, column, token = torch.tensor(places, dtype=torch.long).reshape(-1, 4).unbind(-1)
    seen = torch.ones(len(rows), length + rows.shape[1], dtype=torch.long, device=device)
    return CandidateTensors(
        first=torch.tensor([ids[0] for ids in candidates], dtype=torch.long),
        inputs={"input_ids": rows.to(device), "attention_mask": seen, "use_cache": True},
        owner=owner,
        row=row,
        column=column,
        token=token,
    )


def _run_scripts(
    model: Model, item: Item, scripts: Sequence[Script], asked: _ScriptRequest
) -> list[dict[str, Tensor]]:
    """Every script in one session; what each gives, ``{}`` for one that stops at a wrong place."""
    nn, (function, calls) = model.nn, _calls(scripts)
    source, target = _prompts(model, item)
    candidates, top_k, ends = asked["candidates"], asked["top_k"], asked["ends"]
    most = asked["max_new_tokens"]
    # The script's own pass gives the first token, where gradients are to be had.
    settings = greedy_settings(model, max(1, most - 1))
    everything = function, calls, source, target, asked
    with _explained(model, item, scripts), nn.session(**model.session("raw", *everything)):
        found: list[dict[str, Tensor]] = []
        nnsight.save(found)
        logprobs: list[Tensor] = []

        # Without annotations: where it is sent, their names may not be importable.
        def watch(ids, logits):  # type: ignore[no-untyped-def]
            logprobs.append(token_certainty(logits)[:, 0])
            return logits

        for i, j, options in calls:
            end = object()
            script = function(nn, i, j, **options)
            with nn.trace(**source):
                stopped = next(script, end) is end
            with nn.trace(**target):
                stopped = stopped or next(script, end) is not end
                last = nn.output.logits[:, -1].detach()
                cache = nn.output.past_key_values
            if stopped:
                found.append({})
                break
            if candidates is not None:
                more, n_rows = None, len(candidates["inputs"]["input_ids"])
                if n_rows:
                    cache.batch_repeat_interleave(n_rows)
                    with nn.trace(**candidates["inputs"], past_key_values=cache):
                        more = nn.output.logits.detach()
                found.append(score_candidates(last[0], more, candidates, top_k))
                continue
            logprobs[:] = [token_certainty(last)[:, 0]]
            new = last.argmax(-1, keepdim=True).to(target["input_ids"].device)
            if most > 1 and int(new) not in ends:
                ids = torch.cat([target["input_ids"], new], dim=1)
                with nn.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    past_key_values=cache,
                    generation_config=settings,
                    logits_processor=[watch],
                ) as tracer:
                    new = tracer.result[:, ids.shape[1] - 1 :]
            found.append(pad_generated(new[0], logprobs, most))
    _check_yields(found, scripts)
    return found


Calls = tuple[Any, list[tuple[int, int, dict[str, Any]]]]


def _calls(scripts: Sequence[Script]) -> Calls:
    """The function of some scripts, all of one strategy, and what it is called with each time."""
    return scripts[0].function, [(one.i, one.j, dict(one.options)) for one in scripts]


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
        lines = [line for frame, line in frames if frame.f_code.co_filename == code.co_filename]
        raise XTransplantError(
            f"strategy {one.name} fails at layer pair {i}→{j}, {one.origin} line {lines[-1]}: "
            f"{describe_error(error)}{_advice(error)}"
        ) from error


def _advice(error: BaseException) -> str:
    """What a script's author can do about an error in nnsight's words."""
    if type(error).__name__ == "OutOfOrderError":
        return "; read modules in the order in which the model computes them"
    if isinstance(error, AttributeError) and "has attribute" in str(error):
        return "; print(xtransplant.load(MODEL).nn) shows the modules that there are"
    return ""


def _check_yields(found: Sequence[dict[str, Tensor]], scripts: Sequence[Script]) -> None:
    """The first script that stops at the wrong place leaves nothing, and is the last."""
    if isinstance(found, list) and found and isinstance(found[-1], dict) and not found[-1]:
        raise XTransplantError(
            f"raw strategy {scripts[0].name} has more or fewer than one yield; write one between "
            "what it does in the trace of the source and in that of the target: "
            f"{scripts[0].origin}"
        )
