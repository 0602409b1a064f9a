"""Facts of one relation: which others' answers stand beside the right one as candidates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from xtransplant.tasks.matching import bare

__all__ = ["N_CANDIDATES", "draw_candidates", "rank", "spellings"]

N_CANDIDATES = 10
"""How many answers there are to choose from, so that chance alone is right once in ten."""


def rank(names: Iterable[str], seed: int, salt: str = "") -> list[str]:
    """Names in an order that is drawn from a seed, and does not depend on which others there are.

    Args:
        names: of whatever is to be drawn from.
        seed: of the draw.
        salt: what tells draws of one seed apart.
    """

    def place(name: str) -> bytes:
        text = f"{seed}\n{salt}\n{name}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    return sorted(names, key=place)


def spellings(texts: Iterable[str]) -> frozenset[str]:
    """Answers without what makes no other answer of them: letter case, accents, punctuation."""
    return frozenset(map(bare, texts))


def draw_candidates(
    item: str, answers: Mapping[str, frozenset[str]], seed: int, n: int = N_CANDIDATES
) -> list[str]:
    """The items whose answers an item chooses from, its own among them, in an order of its own.

    Drawn are items and not texts, so that the candidates of two languages are the same answers in
    the same order. No two have an answer in common in any of the languages that are looked at.

    Args:
        item: the one that is asked.
        answers: by item, all that is right in each language, as :func:`spellings` gives it; the
            items are of one relation.
        seed: of the draw.
        n: how many at most; fewer where the relation has fewer different answers.
    """
    chosen, taken = [item], set(answers[item])
    for other in rank(answers.keys() - {item}, seed, f"{item} others"):
        if len(chosen) == n:
            break
        if taken.isdisjoint(answers[other]):
            chosen.append(other)
            taken |= answers[other]
    return rank(chosen, seed, f"{item} order")
