"""The work of null grids: a strategy's own variants, on other examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from xtransplant.bench.compute import Work
from xtransplant.prompts import Example
from xtransplant.tasks.nulls import NullGrid, null_examples

__all__ = ["null_works"]


def null_works(
    grids: Iterable[NullGrid], works: Iterable[Work], examples: Sequence[Example]
) -> list[Work]:
    """Strategies once more, on the examples of a null; those of one null one after another.

    Args:
        grids: of the plan.
        works: the strategies' own, in one language.
        examples: all of that language.
    """
    found, own = [], {work.name: work for work in works}
    for grid in sorted(grids, key=lambda grid: grid.null):
        prompts, work = _prompts(grid.null, tuple(examples)), own[grid.strategy]
        if len(prompts) < len(set(examples)):
            continue  # one item alone has no other
        group = None if work.group is None else (grid.null, work.group)
        noise_of = work.name if grid.null == "noise" else ""
        prompt = prompts.__getitem__
        found.append(replace(work, name=grid.name, prompt=prompt, group=group, noise_of=noise_of))
    return found


@lru_cache(maxsize=16)  # every part of a language asks for them
def _prompts(null: str, examples: tuple[Example, ...]) -> dict[Example, Example]:
    return null_examples(null, examples)
