"""What a task is: languages, and examples per language, direction and split."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal, Protocol

from xtransplant.errors import XTransplantError
from xtransplant.model.families import FAMILIES
from xtransplant.prompts import Example
from xtransplant.strategies import find_strategy, strategy_names

__all__ = ["Direction", "NothingThere", "Task", "Where", "find_task", "listing", "task_names"]

_GROUP = "xtransplant.tasks"

Direction = Literal["en-to-lang", "lang-to-en"]
"""``en-to-lang``: source English, target the language (multilingual tasks);
``lang-to-en``: source the language, target English (culture tasks)."""


class NothingThere(XTransplantError):
    """A language has no examples in a split; others may have."""


@dataclass(frozen=True)
class Where:
    """Where a task's data lie, and how they are cut; the Hugging Face hub by default.

    Attributes:
        data_dir: a folder in the layout of the paper's repository, or one that holds clones of
            the hub's datasets under their names (``facebook/xnli``).
        file: the file of task ``file``.
        columns: for task ``file``: (what it is, the column that holds it).
        seed: of the pilot sample, where the data have none.
        split_by: for task ``file``: the column that names each row's split.
    """

    data_dir: Path | None = None
    file: Path | None = None
    columns: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    split_by: str | None = None


class Examples(Protocol):
    """Examples of one language, in a fixed order."""

    def __call__(
        self, lang: str, direction: Direction, split: str, where: Where = ...
    ) -> tuple[Example, ...]: ...


class Languages(Protocol):
    """Codes of the languages that a file holds."""

    def __call__(self, where: Where) -> dict[str, str]: ...


class Splits(Protocol):
    """Names of the splits that a file has, the default first."""

    def __call__(self, where: Where) -> tuple[str, ...]: ...


Reads = Literal["data_dir", "file", "column", "split_by", "seed"]
"""Of :class:`Where`, by the names of the flags."""


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
        examples: ``examples(lang, direction, split, where)``, in a fixed order.
        rule: the matching rule its outputs are judged by; see ``matching.RULES``.
        mode: what is asked of the model by default; a task without candidates cannot be scored.
        scored: whether it has candidates.
        checkpoint: folder of a model that comes with the task, if one does.
        found: the languages there are, where that depends on the data.
        cut: the splits there are, where that depends on the data.
        reads: which of the flags that say where data lie, and how they are cut, it goes by.
        note: what a user has to know about the data from the hub; empty if nothing.
    """

    name: str
    summary: str
    version: str
    licence: str
    languages: dict[str, str]
    direction: Direction
    splits: tuple[str, ...]
    examples: Examples
    rule: str = "begins"
    mode: Literal["score", "generate"] = "score"
    scored: bool = True
    checkpoint: str | None = None
    found: Languages | None = None
    cut: Splits | None = None
    reads: tuple[Reads, ...] = ("data_dir", "seed")
    note: str = ""

    def languages_in(self, where: Where) -> dict[str, str]:
        """Its languages; those of the data where only these tell."""
        return self.languages if self.found is None else self.found(where)

    def splits_in(self, where: Where) -> tuple[str, ...]:
        """Its splits, the default first; those of the data where only these tell."""
        return self.splits if self.cut is None else self.cut(where)


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


def listing(kind: str) -> list[dict[str, str]]:
    """Rows of ``xtp list``: name and summary of every strategy, task, family or language."""
    if kind == "strategies":
        found = [find_strategy(name) for name in strategy_names()]
        return [{"name": s.name, "summary": s.doc.partition("\n")[0]} for s in found]
    tasks = [find_task(name) for name in task_names()]
    if kind == "tasks":
        return [{"name": task.name, "summary": task.summary} for task in tasks]
    if kind == "languages":
        return _languages(tasks)
    return [{"name": name, "summary": family.summary} for name, family in FAMILIES.items()]


def _languages(tasks: list[Task]) -> list[dict[str, str]]:
    """Every language once, with the tasks that have it."""
    names: dict[str, str] = {}
    having: dict[str, list[str]] = {}
    for task in tasks:
        for code, name in task.languages.items():
            names.setdefault(code, name)
            having.setdefault(code, []).append(task.name)
    return [
        {"name": code, "summary": f"{names[code]} ({', '.join(having[code])})"}
        for code in sorted(names)
    ]
