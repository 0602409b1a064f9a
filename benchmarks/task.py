"""What a task is: languages, and examples per language and direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Literal

from xtransplant.errors import XTransplantError
from xtransplant.model.families import FAMILIES
from xtransplant.prompts import Example
from xtransplant.strategies import find_strategy, strategy_names

__all__ = ["Direction", "Task", "find_task", "listing", "pick_example", "task_names"]

_GROUP = "xtransplant.tasks"

Direction = Literal["en-to-lang", "lang-to-en"]
"""``en-to-lang``: source English, target the language (multilingual tasks);
``lang-to-en``: source the language, target English (culture tasks)."""


@dataclass(frozen=True)
class Task:
    """A named set of parallel prompts.

    Attributes:
        name: what ``--task`` takes.
        summary: one sentence for ``xtp list tasks``.
        version: changes whenever an example changes.
        licence: SPDX identifier of the data.
        languages: codes of the languages it has besides English, mapped to their English names.
        direction: the task's own direction.
        splits: names of its splits, the default first.
        examples: ``examples(lang, direction, split)``, in a fixed order.
        checkpoint: folder of a model that comes with the task, if one does.
    """

    name: str
    summary: str
    version: str
    licence: str
    languages: dict[str, str]
    direction: Direction
    splits: tuple[str, ...]
    examples: Callable[[str, Direction, str], tuple[Example, ...]]
    checkpoint: str | None = None


def task_names() -> tuple[str, ...]:
    """Names of the bundled tasks and of those that installed packages add, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=_GROUP)}))


def find_task(name: str) -> Task:
    """The task called ``name``.

    Raises:
        XTransplantError: no such task; the nearest names are offered.
    """
    found = [entry for entry in entry_points(group=_GROUP) if entry.name == name]
    if not found:
        near = get_close_matches(name, task_names(), cutoff=0.5) or task_names()
        raise XTransplantError(
            f"unknown task {name!r} (nearest: {', '.join(near)}); xtp list tasks shows all"
        )
    task: Task = found[0].load()
    return task


def pick_example(
    task: Task, lang: str, number: int, direction: Direction | None, split: str | None
) -> Example:
    """Example ``number`` (from 0) of a task, in its own direction and first split by default.

    Raises:
        XTransplantError: no such language, split or example.
    """
    examples = task.examples(lang, direction or task.direction, split or task.splits[0])
    if not 0 <= number < len(examples):
        raise XTransplantError(
            f"--example {number} is out of range: {task.name} has examples 0 to "
            f"{len(examples) - 1} in {lang}"
        )
    return examples[number]


def listing(kind: str) -> list[dict[str, str]]:
    """Rows of ``xtp list``: name and summary of every strategy, task, family or language."""
    if kind == "strategies":
        found = [find_strategy(name) for name in strategy_names()]
        return [{"name": s.name, "summary": s.doc.partition("\n")[0]} for s in found]
    tasks = [find_task(name) for name in task_names()]
    if kind == "tasks":
        return [{"name": task.name, "summary": task.summary} for task in tasks]
    if kind == "languages":
        return [
            {"name": code, "summary": f"{name} ({task.name})"}
            for task in tasks
            for code, name in task.languages.items()
        ]
    return [{"name": name, "summary": family.summary} for name, family in FAMILIES.items()]
