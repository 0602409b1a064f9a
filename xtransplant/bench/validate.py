"""Whether a bench could begin: its tasks, data and strategies, without a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xtransplant.backends.protocol import Say
from xtransplant.bench.config import Config
from xtransplant.bench.plan import sweeps_of
from xtransplant.bench.task_plan import plan_task
from xtransplant.errors import XTransplantError
from xtransplant.runs.columns import Mode
from xtransplant.tasks.languages import unknown_language
from xtransplant.tasks.task import find_task

__all__ = ["Checked", "validate"]


@dataclass(frozen=True)
class Checked:
    """One language of a task.

    Attributes:
        n: how many examples would be run.
        fault: why none would be; empty if they would.
    """

    task: str
    split: str
    lang: str
    n: int
    mode: Mode
    fault: str = ""

    def __str__(self) -> str:
        name = f"{self.task} {self.split} {self.lang}"
        if self.fault:
            return f"FAIL  {name}: {self.fault}"
        how = "scored" if self.mode == "score" else "generated"
        return f"ok    {name}: {self.n} examples, {how}"


def validate(config: Config, say: Say) -> tuple[Checked, ...]:
    """What a bench would run of each task and language, found without a model.

    Args:
        config: every setting of the bench; strategies may be missing.
        say: called with notes on the data.

    Raises:
        XTransplantError: no task, one that is unknown, a strategy or option that is not there, or
            data that cannot be read.
    """
    if not config.tasks:
        raise XTransplantError("nothing to validate; name a file, a .yaml or a --task")
    if config.strategies:
        sweeps_of(config)
    return tuple(one for name in config.tasks for one in _of_task(name, config, say))


def _of_task(name: str, config: Config, say: Say) -> Iterator[Checked]:
    task = find_task(name)
    there = task.languages_in(config.data)
    for lang in config.langs:
        if lang not in there:
            raise XTransplantError(unknown_language(lang, name, tuple(there)))
    # What is left out is told by the rows.
    plan = plan_task(task, config, say, say_left_out=lambda _: None)
    for lang, examples in plan.examples.items():
        yield Checked(name, plan.split, lang, len(examples), plan.mode)
    for lang, why in plan.left_out.items():
        yield Checked(name, plan.split, lang, 0, plan.mode, why)
