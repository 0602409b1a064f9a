"""Reading what a dataset gives as the right answer: a mark, an index, shares, texts.

Every reader raises ValueError, with words that follow the name of the place, where a value is none
of its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase
from typing import Any, NamedTuple

__all__ = ["Gold", "ReadGold", "read_index", "read_mark", "read_shares", "read_texts", "read_truth"]


class Gold(NamedTuple):
    """The right answer of an item.

    Attributes:
        answers: texts that are right, the one to show first; of a choice the option's mark.
        options: the marks of all options; empty where the answer is free text.
    """

    answers: tuple[str, ...]
    options: tuple[str, ...] = ()


ReadGold = Callable[[Any], Gold]


def read_mark(*options: str) -> ReadGold:
    """A reader of the right option's mark, such as ``"2"``."""

    def read(value: Any) -> Gold:
        if str(value) not in options:
            raise ValueError(f"{value!r} is not {_either(options)}")
        return Gold((str(value),), options)

    return read


def read_index(*options: str) -> ReadGold:
    """A reader of the right option's index, counted from 0."""

    def read(value: Any) -> Gold:
        if value not in range(len(options)):
            raise ValueError(f"{value!r} is not {_either(tuple(map(str, range(len(options)))))}")
        return Gold((options[int(value)],), options)

    return read


def read_truth(value: Any) -> Gold:
    """True or false, as a boolean or as a word in any case."""
    options = ("true", "false")
    if str(value).lower() not in options:
        raise ValueError(f"{value!r} should be true or false")
    return Gold((str(value).lower(),), options)


def read_shares(value: Any) -> Gold:
    """A share for each option; right is the largest, of equals the first. Marks are A, B, C, ..."""
    if not isinstance(value, list) or not 2 <= len(value) <= len(ascii_uppercase):
        raise ValueError(f"{value!r} should be a share for each option")
    options = tuple(ascii_uppercase[: len(value)])
    return Gold((options[value.index(max(value))],), options)


def read_texts(value: Any) -> Gold:
    """One text or a list of texts, each of them right."""
    texts = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"{value!r} is no text")
    return Gold(texts)


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
