"""Fitted strategies in a bench: none without its fit, and no fit tried on what it was made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from xtransplant.bench.task_plan import TaskPlan
from xtransplant.engine.ask.in_sample import prompt_digest
from xtransplant.errors import XTransplantError
from xtransplant.strategies import Fit, Strategy
from xtransplant.strategies.fit_command import FitOn

__all__ = ["check_fits", "identity_of"]


def check_fits(
    strategies: Iterable[Strategy], tasks: Mapping[str, TaskPlan], model: str | None
) -> None:
    """Refuse a strategy without the fit it needs, and a fit that has seen what is evaluated.

    Args:
        strategies: with their options bound.
        tasks: by name, with their examples.
        model: as the configuration names it.

    Raises:
        XTransplantError: there is one; names the first item that both have.
    """
    first = next(iter(tasks.values()))
    others = [split for split in first.task.splits if split != first.split]
    on = FitOn(",".join(tasks), others[0] if others else "SPLIT", model or "")
    for strategy in strategies:
        strategy.check_fitted(on)
        for part in strategy.parts:
            if part.fit is not None:
                for name, task in tasks.items():
                    _check_unseen(part.fit, part, name, task)


def _check_unseen(fit: Fit, strategy: Strategy, name: str, task: TaskPlan) -> None:
    prompts, own = set(fit.manifest["prompts"]), fit.manifest["tasks"].get(name, {})
    # A split's items are the same in every language; another split may count them anew.
    ids = set(own.get("ids", ())) if own.get("split") == task.split else set[str]()
    shared = []
    for lang, examples in task.examples.items():
        # A source prompt that all items have tells none from another.
        times = Counter(example.source for example in examples)
        for one in examples:
            own_prompts = [one.target, *([one.source] if times[one.source] == 1 else [])]
            if one.id in ids or prompts & set(map(prompt_digest, own_prompts)):
                shared.append((lang, one.id))
    if not shared:
        return
    total = sum(map(len, task.examples.values()))
    lang, first = shared[0]
    raise XTransplantError(
        f"{strategy.name} was fitted on {len(shared)} of these {total} examples of {name} "
        f"{task.split} ({lang} {first} is the first): what they show is no result; take another "
        f"split, or fit on other examples (xtp fit --split, --limit, --last)"
    )


def identity_of(strategy: Strategy) -> str:
    """What a run's numbers depend on of a strategy: its source, and the tensors of its fit."""
    fits = [part.fit.digest for part in strategy.parts if part.fit is not None]
    return " ".join([strategy.source_hash, *(f"fit {digest}" for digest in fits)])
