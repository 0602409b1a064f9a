"""Candidates that run into their prompt's last word, where the language would put a space."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from xtransplant.prompts import Example

__all__ = ["run_on"]

# Scripts that put no space between words, as their letters' Unicode names begin.
_UNSPACED = (
    "CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR",
    "TIBETAN", "YI", "BOPOMOFO",
)  # fmt: skip
_MARKS = ".,:;?!،؛؟।"  # a word after one of these has a space in front


def run_on(examples: Iterable[Example]) -> str:
    """A line that says how many examples have such candidates, and shows one; empty if none has.

    They are scored to the letter, so that a forgotten space is the score of another word: "es" and
    "París" make "esParís". A prompt that ends in white space, a bracket or a full-width mark says
    nothing of it, and a chat template puts marks of its own between the two.
    """
    every = list(examples)
    found = [joint for joint in (next(_joints(one), None) for one in every) if joint]
    if not found:
        return ""
    prompt, candidate = found[0]
    word, begins = prompt.split()[-1][-20:], candidate[:20]
    have = f"{len(found)} of {len(every)} examples have " if len(every) > 1 else ""
    return (
        f"{have}candidates that run on from the prompt's last word, as in {word + begins!r}; they "
        f"are taken to the letter: begin them with a space, as in {' ' + begins!r}"
    )


def _joints(example: Example) -> Iterator[tuple[str, str]]:
    """Prompts and candidates of an example that run into one another."""
    sides = (
        (example.target, example.candidates),
        (example.source, example.source_candidates or example.candidates),
    )
    for prompt, candidates in sides:
        for candidate in candidates:
            if prompt and candidate and _spaced(candidate[0]) and _ends(prompt[-1]):
                yield prompt, candidate


def _ends(letter: str) -> bool:
    return letter in _MARKS or _spaced(letter)


def _spaced(letter: str) -> bool:
    """Whether it is a letter or digit of a script that puts spaces between words."""
    return letter.isalnum() and not unicodedata.name(letter, "").startswith(_UNSPACED)
