"""What a task is: languages, and examples per language, direction and split."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Protocol

from xtransplant.errors import XTransplantError
from xtransplant.plugins import plugins
from xtransplant.prompts import Example
from xtransplant.tasks.data import DataSource

__all__ = [
    "Direction",
    "NothingThere",
    "Task",
    "bundled_checkpoint",
    "find_task",
    "task_names",
]

_GROUP = "xtransplant.tasks"

Direction = Literal["en-to-lang", "lang-to-en"]
"""``en-to-lang``: source English, target the language (multilingual tasks);
``lang-to-en``: source the language, target English (culture tasks)."""


class NothingThere(XTransplantError):
    """A language has no examples in a split; others may have."""


class Examples(Protocol):
    """Examples of one language, in a fixed order."""

    def __call__(
        self, lang: str, direction: Direction, split: str, data: DataSource = ...
    ) -> tuple[Example, ...]: ...


class Languages(Protocol):
    """Codes of the languages that a file holds."""

    def __call__(self, data: DataSource) -> dict[str, str]: ...


class Splits(Protocol):
    """Names of the splits that a file has, the default first."""

    def __call__(self, data: DataSource) -> tuple[str, ...]: ...


Reads = Literal["data_dir", "file", "column", "split_by", "wide", "seed"]
"""Of :class:`DataSource`, by the names of the flags."""


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
        examples: ``examples(lang, direction, split, data)``, in a fixed order.
        rule: the matching rule its outputs are judged by; see ``tasks.rules``.
        mode: what is asked of the model by default; a task without candidates cannot be scored.
        scored: whether it has candidates.
        checkpoint: folder of a model that comes with the task, if one does.
        find_languages: the languages there are, where that depends on the data.
        find_splits: the splits there are, where that depends on the data.
        reads: which of the flags that say where data lie, and how they are cut, it goes by.
        whole_rows: whether prompt and answer stand in one place of its data; see
            ``alignment.check_alignment``.
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
    find_languages: Languages | None = None
    find_splits: Splits | None = None
    reads: tuple[Reads, ...] = ("data_dir", "seed")
    whole_rows: bool = False
    note: str = ""

    def languages_in(self, data: DataSource) -> dict[str, str]:
        """Its languages; those of the data where only these tell."""
        return self.languages if self.find_languages is None else self.find_languages(data)

    def splits_in(self, data: DataSource) -> tuple[str, ...]:
        """Its splits, the default first; those of the data where only these tell."""
        return self.splits if self.find_splits is None else self.find_splits(data)


def task_names() -> tuple[str, ...]:
    """Names of the bundled tasks and of those that installed packages add, sorted."""
    return tuple(sorted({entry.name for entry in plugins(_GROUP)}))


def find_task(name: str) -> Task:
    """The task called ``name``.

    Raises:
        XTransplantError: no such task; the nearest names are offered.
    """
    found = [entry for entry in plugins(_GROUP) if entry.name == name]
    if not found:
        near = get_close_matches(name, task_names(), cutoff=0.5) or task_names()
        raise XTransplantError(
            f"unknown task {name!r} (nearest: {', '.join(near)}); xtp list tasks shows all"
        )
    task: Task = found[0].load()
    return task


def bundled_checkpoint(model: str) -> str | None:
    """The folder of the model that comes with a task, where it is called by that task's name.

    Args:
        model: as ``--model`` takes it: ``babel``, or ``babel/checkpoint``, as a grid shows it. A
            folder of that name in the working directory goes before.
    """
    name = model.removesuffix("/checkpoint")
    if name not in task_names() or Path(model).exists():
        return None
    return find_task(name).checkpoint
