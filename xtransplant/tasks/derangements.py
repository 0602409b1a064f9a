"""For every example some others, by whose answers the upper bound's null is judged.

A derangement gives every example another one. Of a random permutation those places are mended
where an example would get an answer of its own, or one that is none of its options; what no
exchange mends (an answer that more than half of the examples have) is drawn with replacement.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from xtransplant.prompts import Example, key_of

__all__ = ["N_DERANGEMENTS", "derangements"]

N_DERANGEMENTS = 8
"""How many; each is a bit of a mask in a run's tables."""

_SEED = 14
_TRIES = 32  # exchanges tried for a place before it is drawn anew
_NONE = -1

Ints = np.ndarray[Any, np.dtype[np.int64]]


def derangements(examples: Sequence[Example]) -> Ints:
    """Other examples for each example of a language, the same ones whenever it is choice.

    The other's answer is never the same text where any other has another one, and one of the
    example's own candidates and options where any is.

    Returns:
        ``[N_DERANGEMENTS, n_examples]``, numbers of examples; -1 where no other has another answer.
    """
    return _derangements(tuple(examples))


@lru_cache(maxsize=8)  # every part of a language asks for them
def _derangements(examples: tuple[Example, ...]) -> Ints:
    answers = _Answers(examples)
    found = np.full((N_DERANGEMENTS, len(examples)), -1, dtype=np.int64)
    if answers.differ:
        rng = np.random.default_rng([_SEED, answers.seed])
        for row in found:
            row[:] = _derange(answers, rng)
    found.setflags(write=False)
    return found


_Choice = tuple[tuple[str, ...], tuple[str, ...]]  # candidates, options


class _Pool(NamedTuple):
    """Examples, and the kinds of their answers."""

    numbers: list[int]
    kinds: frozenset[int]


class _Answers:
    """What examples are answered with, and whose answers may stand for whose.

    Attributes:
        seed: from everything that is looked at here.
        kind: per example, a number that those share who have an answer in common; ``_NONE``
            without an answer.
        differ: whether there are two kinds.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        keys = [key_of(one) for one in examples]
        texts = [(one.answer, key.answers) for one, key in zip(examples, keys, strict=True)]
        self.kind = _kinds(
            several if answer is None else (answer, *several) for answer, several in texts
        )
        self.differ = len({*self.kind} - {_NONE}) > 1
        choices = [(one.candidates, key.options) for one, key in zip(examples, keys, strict=True)]
        content = json.dumps([texts, choices], ensure_ascii=False).encode("utf-8", "surrogatepass")
        self.seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
        self._choices, self._texts = choices, texts
        # Who has a text as answer, and who as first answer of the key.
        self._holders: tuple[dict[str, set[int]], dict[str, set[int]]] = ({}, {})
        for number, (answer, several) in enumerate(texts):
            for holders, text in zip(self._holders, (answer, (*several, None)[0]), strict=True):
                if text is not None:
                    holders.setdefault(text, set()).add(number)
        self._pools: dict[_Choice, _Pool] = {}

    def differs(self, one: int, other: int) -> bool:
        """Whether another example has another answer."""
        return self.kind[other] not in (_NONE, self.kind[one])

    def can_judge(self, one: int, other: int) -> bool:
        """Whether an example can be judged by another's answer."""
        (candidates, options), (answer, several) = self._choices[one], self._texts[other]
        return (
            self.differs(one, other)
            and (not candidates or answer in candidates)
            and (not options or (bool(several) and several[0] in options))
        )

    def sample(self, one: int, rng: np.random.Generator) -> int:
        """One of those that an example may be judged by; of all with another answer if none may."""
        pool = self._pool(self._choices[one])
        if not self.has_any(one):
            pool = self._pool(((), ()))
        while True:
            other = pool.numbers[int(rng.integers(len(pool.numbers)))]
            if self.differs(one, other):
                return other

    def has_any(self, one: int) -> bool:
        """Whether there is another that an example may be judged by."""
        return bool(self._pool(self._choices[one]).kinds - {self.kind[one]})

    def _pool(self, choice: _Choice) -> _Pool:
        """Everyone whose answer is one of a choice's candidates and options."""
        if choice not in self._pools:
            sets = [
                {number for text in texts for number in holders.get(text, ())}
                for holders, texts in zip(self._holders, choice, strict=True)
                if texts
            ]
            found = set.intersection(*sets) if sets else set(range(len(self.kind)))
            numbers = sorted(number for number in found if self.kind[number] != _NONE)
            self._pools[choice] = _Pool(numbers, frozenset(self.kind[k] for k in numbers))
        return self._pools[choice]


def _derange(answers: _Answers, rng: np.random.Generator) -> list[int]:
    n = len(answers.kind)
    order: list[int] = rng.permutation(n).tolist()
    for one in range(n):
        if answers.can_judge(one, order[one]):
            continue
        if not answers.has_any(one):
            if not answers.differs(one, order[one]):
                order[one] = answers.sample(one, rng)
            continue
        for other in rng.integers(n, size=_TRIES).tolist():
            if answers.can_judge(one, order[other]) and answers.can_judge(other, order[one]):
                order[one], order[other] = order[other], order[one]
                break
        else:
            order[one] = answers.sample(one, rng)
    return order


def _kinds(texts: Iterable[Sequence[str]]) -> list[int]:
    """Per example, the number of its class, where those with a text in common are of one class."""
    parents: dict[str, str] = {}

    def root(text: str) -> str:
        while parents.setdefault(text, text) != text:
            parents[text] = parents[parents[text]]
            text = parents[text]
        return text

    firsts: list[str | None] = []
    for several in texts:
        folded = [text.strip().casefold() for text in several]
        for text in folded[1:]:
            parents[root(text)] = root(folded[0])
        firsts.append(folded[0] if folded else None)
    numbers: dict[str, int] = {}
    return [
        _NONE if first is None else numbers.setdefault(root(first), len(numbers))
        for first in firsts
    ]
