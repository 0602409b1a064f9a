"""The prompts of a task's items in further languages, as sources beside the example's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import Direction, Task

__all__ = ["with_sources"]


def with_sources(
    task: Task,
    lang: str,
    direction: Direction,
    split: str,
    codes: Sequence[str],
    data: DataSource,
    examples: Sequence[Example],
) -> tuple[Example, ...]:
    """Examples of a language with the prompts of the same items in further languages.

    Items are the same where their English prompts are. The language itself and English are passed
    over: their prompts are sources or targets already.

    Args:
        task: whose examples they are.
        lang: the language.
        direction: which of the two prompts is English.
        split: of the examples.
        codes: of the further languages; none for the examples as they are.
        data: where the task's data lie.
        examples: of the language.

    Raises:
        XTransplantError: a language that the task has not, or that has not all of these items, or
            none but those passed over.
    """
    if not codes:
        return tuple(examples)
    further = [code for code in codes if code not in (lang, "en")]
    if not further:
        raise XTransplantError(
            f"--sources {','.join(codes)} names no further source for {task.name} in {lang}; name "
            "another language"
        )
    known = {code: _prompts(task, code, direction, split, data) for code in further}
    for code, own in known.items():
        missing = sum(_english(one, direction) not in own for one in examples)
        if missing:
            raise XTransplantError(
                f"--sources {code}: {missing} of the {len(examples)} items of {task.name} {split} "
                f"in {lang} are not there in {code}; leave it out"
            )
    found = []
    for one in examples:
        english = _english(one, direction)
        found.append(replace(one, sources=tuple((k, own[english]) for k, own in known.items())))
    return tuple(found)


def _prompts(
    task: Task, code: str, direction: Direction, split: str, data: DataSource
) -> dict[str, str]:
    """A language's prompts, by the English ones; of items whose two prompts belong together."""
    found = load_examples(task, code, direction, split, data)
    return {
        _english(one, direction): one.target if direction == "en-to-lang" else one.source
        for row, one in enumerate(found.examples)
        if row not in found.alignment.rows
    }


def _english(example: Example, direction: Direction) -> str:
    return example.source if direction == "en-to-lang" else example.target
