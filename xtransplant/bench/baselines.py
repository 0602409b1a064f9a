"""A task's baselines in a bench: few-shot examples are drawn from what is not evaluated."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from xtransplant.bench.config import Config
from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example
from xtransplant.tasks.baselines import Baseline, gold_after_source, n_shots, parse_baselines
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import Direction, NothingThere, Task

__all__ = ["plan_baselines"]

_PILOT = "pilot"


def plan_baselines(
    task: Task,
    direction: Direction,
    split: str,
    config: Config,
    examples: Mapping[str, Sequence[Example]],
) -> tuple[Baseline, ...]:
    """The baselines that a configuration names, with the items that stand in their prompts.

    These are drawn by the seed, the same ones for all items of a language: from the pilot split,
    where another is evaluated, or else from what ``--limit`` leaves out.

    Args:
        task: whose items they are.
        direction: which language is the source.
        split: the one that is evaluated.
        config: names the baselines, the seed, and where the data lie.
        examples: by language, the items that are evaluated.

    Raises:
        XTransplantError: a name that is no baseline, or too few items to draw from.
    """
    found = []
    for name in parse_baselines(config.baselines):
        k, come_from = n_shots(name), split
        shots = dict[str, tuple[Example, ...]]()
        for lang, own in examples.items() if k else ():
            come_from, pool = _pool(task, lang, direction, split, config, own)
            if len(pool) < k:
                raise XTransplantError(
                    f"--baselines {name}: {task.name} {split}, {lang} has {len(pool)} items with a "
                    f"known answer that are not evaluated, and {k} are needed in front of each "
                    "prompt; evaluate fewer (--limit) or another split (--split), or take a "
                    "smaller k"
                )
            shots[lang] = tuple(random.Random(config.data.seed).sample(pool, k))
        found.append(Baseline(name, shots, come_from if k else ""))
    return tuple(found)


def _pool(
    task: Task,
    lang: str,
    direction: Direction,
    split: str,
    config: Config,
    evaluated: Sequence[Example],
) -> tuple[str, list[Example]]:
    """The split to draw from, and its items that can stand in front of those evaluated."""
    # What is read of the source counts: the same question may have another id elsewhere.
    taken, pool = {one.source for one in evaluated}, dict[str, Example]()
    come_from = _PILOT if _PILOT in task.splits_in(config.data) else split
    try:
        found = load_examples(task, lang, direction, come_from, config.data)
    except NothingThere:
        return come_from, []
    for row, one in enumerate(found.examples):
        aligned = row not in found.alignment.rows
        if aligned and one.source not in taken and gold_after_source(one) is not None:
            pool.setdefault(one.source, one)
    return come_from, list(pool.values())
