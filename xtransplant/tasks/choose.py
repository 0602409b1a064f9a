"""The one example that ``xtp trace`` runs: two prompts of the user's, or an example of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from xtransplant.errors import XTransplantError
from xtransplant.options import read_argument, read_candidates
from xtransplant.prompts import Example
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.load import pick_example
from xtransplant.tasks.sources import with_sources
from xtransplant.tasks.task import Direction, find_task
from xtransplant.tasks.word_pairs import parse_alignment
from xtransplant.text import check_text

__all__ = ["TaskChoice", "choose_example", "written_example"]


@dataclass(frozen=True)
class TaskChoice:
    """An example of a task, by the flags of these names; None for one that is not given.

    Attributes:
        sources: codes of further languages whose prompts are sources too.
    """

    task: str | None = None
    lang: str | None = None
    example: int | None = None
    direction: Direction | None = None
    split: str | None = None
    sources: tuple[str, ...] = ()


def choose_example(
    choice: TaskChoice,
    *,
    source: str | None = None,
    target: str | None = None,
    candidates: Sequence[str] = (),
    answer: str | None = None,
    alignment: str | None = None,
    data: DataSource = DataSource(),
) -> tuple[Example, str | None]:
    """The example that the command line asks for, and the model that comes with its task.

    Two prompts of the user's, or an example of a task: Babel, its first language and example 0 by
    default.

    Args:
        choice: from a task.
        source: the user's own prompt that is read from, if there is one.
        target: the user's own prompt that is written into; both are given, or none.
        candidates: stand in for the task's own where there are any.
        answer: stands in for the task's own where it is given.
        alignment: likewise; of words of the two prompts.
        data: where the task's data lie.

    Raises:
        XTransplantError: one prompt without the other, prompts beside a choice from a task, or
            anything that cannot be read.
    """
    if source is None and target is None:
        known = find_task("babel" if choice.task is None else choice.task)
        first = next(iter(known.languages_in(data)), "")
        lang = first if choice.lang is None else choice.lang
        direction = choice.direction or known.direction
        split = choice.split or known.splits_in(data)[0]
        picked = pick_example(known, lang, choice.example or 0, direction, split, data)
        [picked] = with_sources(known, lang, direction, split, choice.sources, data, [picked])
        own = _answered(picked, read_candidates(candidates), answer)
        return _aligned(own, alignment), known.checkpoint
    if source is None or target is None:
        missing = "--target" if target is None else "--source"
        raise XTransplantError(f"--source and --target go together; {missing} is missing")
    for name, value in asdict(choice).items():
        if value not in (None, ()):
            shown = ",".join(value) if isinstance(value, tuple) else value
            raise XTransplantError(
                f"--{name} {shown} chooses from a task, but --source and --target are given; "
                "leave one or the other out"
            )
    own = written_example(source, target, read_candidates(candidates), answer)
    return _aligned(own, alignment), None


def _aligned(example: Example, text: str | None) -> Example:
    if text is None:
        return example
    pairs = parse_alignment(text, example.source, example.target, "--alignment")
    return replace(example, alignment=pairs)


def written_example(
    source: str, target: str, candidates: Sequence[str], answer: str | None
) -> Example:
    """An example from the command line; the answer is one of the candidates, or the only one."""
    if source == target == "-":
        raise XTransplantError(
            "--source and --target cannot both be standard input; give one as @FILE"
        )
    example = Example(read_argument(source, "--source"), read_argument(target, "--target"))
    return _answered(example, candidates, answer)


def _answered(example: Example, candidates: Sequence[str], answer: str | None) -> Example:
    texts = tuple(candidates) or example.candidates
    answer = example.answer if answer is None else check_text(answer, "--answer")
    if answer is not None and not texts:
        texts = (answer,)
    if answer is not None and answer not in texts:
        shown = ", ".join(map(repr, texts[:6])) + (", ..." if len(texts) > 6 else "")
        raise XTransplantError(
            f"--answer {answer!r} is none of the candidates: {shown}; "
            "they are taken to the letter, leading spaces too"
        )
    own = example.source_candidates if texts == example.candidates else ()
    return replace(example, candidates=texts, source_candidates=own, answer=answer)
