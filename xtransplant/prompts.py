"""An example: the same question asked in two languages, and what makes an answer to it right."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.text import shortened, text_digest

__all__ = ["Example", "Key", "as_example", "item_digest", "key_of"]


@dataclass(frozen=True)
class Key:
    """What an output is judged by, in the language of one prompt.

    Attributes:
        answers: texts that are right; the first is the one to show.
        options: the marks of a choice, such as ``("1", "2", "3")``; the answer is one of them.
        labels: what each option is called in the prompt's language, in the options' order.
        also: right answers in the other language; only lenient rules take them.
        rule: the matching rule its texts are judged by, by its name; see ``tasks.rules``;
            ``begins`` if empty.
    """

    answers: tuple[str, ...]
    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True)
class Example:
    """One item of a task.

    Attributes:
        source: the prompt that activations are read from.
        target: the prompt that activations are written into; its answer counts.
        candidates: the answer strings to score, each a continuation of ``target`` exactly as
            it would be generated (a leading space included where the model writes one).
        source_candidates: the same answers in the same order as continuations of ``source``, whose
            end or language may want them spelled otherwise; empty if it does not.
        answer: the right one; a member of ``candidates`` where there are any.
        id: stable name within its task.
        source_lang: language code of ``source``, such as ``"en"``; empty if not known.
        target_lang: language code of ``target``.
        key: what text generated after ``target`` is judged by; the answer itself if None.
        source_key: likewise after ``source``; ``key`` if None.
        sources: the same question in further languages, ``(code, prompt)`` each: where a strategy
            reads ``source.mean``, activations are the mean over these and ``source``.
        paraphrase: the question of ``target`` in other words of the same language; empty where
            there is none.
        alignment: pairs of a word of ``source`` and a word of ``target`` that say the same, counted
            from 0 and divided by white space: where a strategy writes at ``target.aligned``.
        group: what examples have in common that go together, such as the passage that they ask
            about, by a name that is the same in all languages: errors are over groups. Empty where
            each item stands for itself.
    """

    source: str
    target: str
    candidates: tuple[str, ...] = ()
    answer: str | None = None
    id: str = ""
    source_lang: str = ""
    target_lang: str = ""
    key: Key | None = None
    source_key: Key | None = None
    source_candidates: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    paraphrase: str = ""
    alignment: tuple[tuple[int, int], ...] = ()
    group: str = ""


def item_digest(example: Example) -> str:
    """SHA-256 over an example's prompts, candidates, answer and alignment, in hexadecimal.

    Not over its id: the same question is the same item under any name, in any split or file.
    """
    content: list[Any] = [example.source, example.target, list(example.candidates), example.answer]
    if example.alignment:
        content.append([list(pair) for pair in example.alignment])
    return text_digest(json.dumps(content, ensure_ascii=False))


def key_of(example: Example) -> Key:
    """What text generated after an example's target is judged by."""
    if example.key is not None:
        return example.key
    return Key((example.answer,) if example.answer is not None else ())


def as_example(given: Example | tuple[str, str]) -> Example:
    """An example, or a pair of prompts as one: the source's, then the target's.

    Raises:
        XTransplantError: something else, or an answer that is none of its candidates.
    """
    if isinstance(given, Example):
        if given.candidates and given.answer not in (None, *given.candidates):
            shown = ", ".join(map(repr, given.candidates[:6]))
            raise XTransplantError(
                f"answer {given.answer!r} is none of the candidates: {shown}; they are taken to "
                "the letter, leading spaces too"
            )
        return given
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(one, str) for one in given):
        return Example(*given)
    raise XTransplantError(
        f"{shortened(given)} is no example: give "
        "xtransplant.Example(source, target, candidates=(...), answer=...), or a tuple of two "
        "prompts, (source, target)"
    )
