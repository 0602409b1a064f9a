"""What a task is: languages, and examples per language and direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xtransplant.prompts import Example

__all__ = ["Direction", "Task"]

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
    """

    name: str
    summary: str
    version: str
    licence: str
    languages: dict[str, str]
    direction: Direction
    splits: tuple[str, ...]
    examples: Callable[[str, Direction, str], tuple[Example, ...]]
