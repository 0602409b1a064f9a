"""Of a sweep, the value that a pilot chooses: with the pairs, and once for all languages."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from xtransplant.backends.protocol import Say
from xtransplant.bench.pairs import Chosen

__all__ = ["choose_values", "keep_chosen"]


def choose_values(chosen: Chosen, sweeps: Iterable[Collection[str]], say: Say) -> Chosen:
    """Of each sweep's strategies, the pairs of that one whose pairs are right most often.

    All tasks and languages of the run count together; ties: the first. So value and pairs are
    chosen together, on the same examples.

    Args:
        chosen: pairs of every strategy of a run.
        sweeps: names of the strategies that differ in a swept option alone.
        say: called with what was chosen of each sweep, and what it won over.
    """
    left = set[str]()
    for names in sweeps:
        right = {
            name: sum(n for (_, strategy, _), n in chosen.right.items() if strategy == name)
            for name in names
        }
        best = max(names, key=lambda name: right[name])
        left |= {*names} - {best}
        if len(names) > 1:
            others = ", ".join(f"{name} {right[name]}" for name in names if name != best)
            say(
                f"{best} is chosen with its pairs, which are right {right[best]} times on these "
                f"examples (the others: {others})"
            )
    return replace(chosen, pairs={k: pair for k, pair in chosen.pairs.items() if k[1] not in left})


def keep_chosen(sweeps: Iterable[Collection[str]], chosen: Chosen, say: Say) -> list[str]:
    """The strategies that are run with chosen pairs: of a sweep those that there is a pair for.

    Args:
        sweeps: names of the strategies that differ in a swept option alone.
        chosen: what a pilot chose; without a pair for any of a sweep, all of it are kept.
        say: called with what is left out.
    """
    kept: list[str] = []
    for names in sweeps:
        known = [name for name in names if chosen.knows(name)] or list(names)
        kept += known
        if len(known) < len(names):
            rest = ", ".join(name for name in names if name not in known)
            say(f"{chosen.origin} chose {', '.join(known)}, so {rest} are not run")
    return kept
