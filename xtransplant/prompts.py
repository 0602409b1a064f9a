"""An example: the same question asked in two languages, and how its answers are tokenised."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Example"]


@dataclass(frozen=True)
class Example:
    """One item of a task.

    Attributes:
        source: the prompt that activations are read from.
        target: the prompt that activations are written into; its answer counts.
        candidates: the answer strings to score, each a continuation of ``target`` exactly as
            it would be generated (a leading space included where the model writes one).
        answer: the right one; a member of ``candidates`` where there are any.
        id: stable name within its task.
        source_lang: language code of ``source``, such as ``"en"``; empty if not known.
        target_lang: language code of ``target``.
    """

    source: str
    target: str
    candidates: tuple[str, ...] = ()
    answer: str | None = None
    id: str = ""
    source_lang: str = ""
    target_lang: str = ""
