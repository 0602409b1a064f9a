"""When an output counts as right: the paper's matching rules, each with two neighbours.

A rule has three levels, each of which takes all that the one before it takes:

``strict``   the answer in the form that was asked for, and nothing before it: format and knowledge;
``match``    what the paper's evaluators take (``../shared/data/README.md`` has them in words);
``lenient``  the answer wherever and however it is first said: knowledge alone.

``match`` and ``strict`` read an output to the letter, as the paper's evaluators do. Installed
packages add rules of their own; see ``tasks.rules``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from xtransplant.prompts import Key

__all__ = [
    "CHOOSING", "IN_WORDS", "RULES", "Rule", "Verdict", "bare", "is_answer", "said_option",
]  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """Whether an output is right, at each level."""

    strict: bool
    match: bool
    lenient: bool


Rule = Callable[[str, Key], Verdict]


def choice(output: str, key: Key) -> Verdict:
    """One of ``(1)``, ``(2)``, ...: XNLI (with the options' labels) and XCOPA (without).

    ``match``: full-width parentheses as ASCII; right if ``(g)`` is in the output, or the stripped
    output is ``g``, or the gold's label is in it, and no other mark or label so.
    """
    text, labels, named = _half_width(output), _labels(key), _named(output, key)
    gold = key.options.index(key.answers[0])
    match = named[gold] and not any(one for k, one in enumerate(named) if k != gold)
    start = text.strip()
    strict = match and (start == key.options[gold] or start.startswith(f"({key.options[gold]})"))
    return Verdict(strict, match, match or _first(text, key.options, labels) == gold)


def letters(output: str, key: Key) -> Verdict:
    """One of ``(A)``, ``(B)``, ...: GlobalOpinionQA.

    ``match``: ``(L)`` is in the upper-cased output or the stripped output is ``L``, and no other
    letter so.
    """
    named = _lettered(output, key)
    gold = key.options.index(key.answers[0])
    match = named[gold] and not any(one for k, one in enumerate(named) if k != gold)
    start = output.strip()
    strict = match and (start == key.options[gold] or start.startswith(f"({key.options[gold]})"))
    return Verdict(strict, match, match or _first(output, key.options, _labels(key)) == gold)


def contains(output: str, key: Key) -> Verdict:
    """A span of text: XQuAD and MKQA.

    ``match``: the lower-cased gold is in the lower-cased output. ``strict``: and the output's
    first line is the gold and no more. ``lenient``: also without accents, punctuation and spaces,
    and in the other language.
    """
    match = any(answer.lower() in output.lower() for answer in key.answers if answer)
    line = bare((output.strip().splitlines() or [""])[0])
    strict = match and any(bare(answer) == line for answer in key.answers)
    plain = bare(output)
    wanted = [bare(answer) for answer in (*key.answers, *key.also)]
    return Verdict(strict, match, match or any(want and want in plain for want in wanted))


def begins(output: str, key: Key) -> Verdict:
    """A word: Babel.

    ``match``: the stripped output begins with the answer. ``strict``: and a word ends there.
    ``lenient``: the answer is anywhere in it.
    """
    # Every text begins with an answer that is empty.
    text, answers = output.strip(), [one for answer in key.answers if (one := answer.strip())]
    match = any(text.startswith(answer) for answer in answers)
    strict = any(
        text.startswith(answer) and not text[len(answer) : len(answer) + 1].isalnum()
        for answer in answers
    )
    also = [one for answer in key.also if (one := answer.strip())]
    return Verdict(strict, match, match or any(answer in text for answer in [*answers, *also]))


def truth(output: str, key: Key) -> Verdict:
    """True or false: CulturalBench-Hard.

    ``match``: the right word of the two is in the output in any case, and the other is not.
    ``strict``: and it comes first. ``lenient``: the right word, or its mark, is said first.
    """
    labels, named = key.labels or key.options, _truths(output, key)
    gold = key.options.index(key.answers[0])
    match = named[gold] and not any(one for k, one in enumerate(named) if k != gold)
    strict = match and output.casefold().strip().startswith(labels[gold].casefold())
    return Verdict(strict, match, match or _first(output, key.options, labels) == gold)


RULES: dict[str, Rule] = {
    "choice": choice,
    "letters": letters,
    "contains": contains,
    "begins": begins,
    "truth": truth,
}

CHOOSING = ("choice", "letters", "truth")
"""Rules that choose between a key's options."""

IN_WORDS = {
    "choice": "names the right option and no other",
    "letters": "names the right letter and no other",
    "contains": "contains the answer",
    "begins": "begins with the answer",
    "truth": "says which of the two is true, and not the other",
}
"""What a text does that is right (level ``match``)."""


def said_option(output: str, key: Key) -> int | None:
    """Which of a key's options a text chooses, whichever is right; None where it says none.

    It is the one that the key's rule finds named where it finds one alone, and else the one that is
    said first. A rule that does not choose, and one of an installed package, finds none named.
    """
    find = {"choice": _named, "letters": _lettered, "truth": _truths}.get(key.rule)
    named = [] if find is None else [k for k, one in enumerate(find(output, key)) if one]
    if len(named) == 1:
        return named[0]
    first = _first(_half_width(output), key.options, _labels(key))
    return named[0] if first is None and named else first


def is_answer(output: str, key: Key) -> bool:
    """Whether a text is an answer at all: of a choice any option, else any letter or digit."""
    return bool(bare(output)) if not key.options else said_option(output, key) is not None


def _named(output: str, key: Key) -> list[bool]:
    """By option, whether ``choice`` finds it in a text."""
    text = _half_width(output)
    return [
        f"({mark})" in text or text.strip() == mark or (bool(label) and label in text)
        for mark, label in zip(key.options, _labels(key), strict=True)
    ]


def _lettered(output: str, key: Key) -> list[bool]:
    """By option, whether ``letters`` finds it in a text."""
    upper = output.upper()
    return [f"({mark})" in upper or output.strip() == mark for mark in key.options]


def _truths(output: str, key: Key) -> list[bool]:
    """By option, whether ``truth`` finds it in a text."""
    text = output.casefold()
    return [label.casefold() in text for label in key.labels or key.options]


def _half_width(text: str) -> str:
    """Full-width parentheses as ASCII."""
    return text.replace("（", "(").replace("）", ")")


def _labels(key: Key) -> tuple[str, ...]:
    return key.labels or ("",) * len(key.options)


def _first(text: str, marks: tuple[str, ...], labels: tuple[str, ...]) -> int | None:
    """Which option is said first, by its mark as a word of its own or by its label."""
    plain = _folded(text)
    found: list[tuple[int, int]] = []
    for k, (mark, label) in enumerate(zip(marks, labels, strict=True)):
        sought = rf"(?<!\w){re.escape(_folded(mark))}(?!\w)"
        # A lone A is an article in many languages: a letter needs its parenthesis or full stop.
        if mark.isalpha() and len(mark) == 1:
            sought = rf"(?:\({re.escape(_folded(mark))}\)|^\s*{re.escape(_folded(mark))}(?!\w))"
        places = [match.start() for match in re.finditer(sought, plain)]
        name = _folded(re.sub(r"^\(\w\)\s*", "", label)).strip()
        if name and (at := plain.find(name)) >= 0:
            places.append(at)
        if places:
            found.append((min(places), k))
    return min(found)[1] if found else None


def _folded(text: str) -> str:
    """Case, width and the digits of other scripts made one."""
    wide = unicodedata.normalize("NFKC", text).casefold()
    return "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in wide)


def bare(text: str) -> str:
    """Letters and digits alone, folded, without accents."""
    apart = unicodedata.normalize("NFKD", _folded(text))
    # Marks of Indic and Thai vowels are spacing or enclosing; Latin accents are Mn below U+0370.
    return "".join(
        c for c in apart if c.isalnum() or (unicodedata.category(c)[0] == "M" and ord(c) >= 0x370)
    )
