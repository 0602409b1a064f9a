"""Choosing a cell for each example from what the model says, without the answer.

Everywhere ``[examples, options]``: option 0 is the target without a transplant (vanilla), option k
the k-th cell. A method gives the option of each example, ``[examples]``; 0 is to abstain. Ties go
to vanilla, then as the pilot's do: smallest target layer, largest source layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.stats.selection import Pair, choose_pair, tie_order

__all__ = [
    "METHODS", "NO_ANSWER", "Told", "agreement", "confidence", "decided", "fixed_options",
    "majority", "most_certain", "option_order", "vote_shares",
]  # fmt: skip

Array = np.ndarray[Any, Any]
NO_ANSWER = -1
"""In place of an answer's number: a cell that is not finite or chooses none, or is not known."""


@dataclass(frozen=True)
class Told:
    """What is known of examples without their answers.

    Attributes:
        pairs: of the cells.
        answers: ``[examples, options]``, what each says, as a number: the same one for the same
            answer to the same example; :data:`NO_ANSWER` for none.
        source: ``[examples]``, likewise of the source prompt without a transplant.
        logprob: ``[examples, options]``, of the likeliest candidate, in nats; NaN of texts.
        margin: likewise, how far the next candidate is behind.
        entropy: likewise, of the candidates' shares, in nats.
    """

    pairs: tuple[Pair, ...]
    answers: Array
    source: Array
    logprob: Array
    margin: Array
    entropy: Array

    @property
    def scored(self) -> bool:
        """Whether candidates were scored, so that there are probabilities."""
        return bool(np.isfinite(self.logprob).any())

    @property
    def knows_source(self) -> bool:
        """Whether the source prompt's answers can be held to the target's."""
        return bool((self.source != NO_ANSWER).any())


def option_order(pairs: Sequence[Pair]) -> Array:
    """Options in the order in which ties are resolved."""
    return np.array([0, *(1 + k for k in tie_order(pairs))])


def most_certain(values: Array, pairs: Sequence[Pair]) -> Array:
    """The option of the largest value; what is NaN is not chosen, and where all are, vanilla.

    Args:
        values: ``[examples, options]``.
        pairs: of the cells.
    """
    order = option_order(pairs)
    known = np.where(np.isnan(values), -np.inf, values)
    found: Array = order[known[:, order].argmax(axis=1)]
    return found


def vote_shares(told: Told) -> Array:
    """``[examples, options]``, the share of cells that say what an option says.

    Vanilla has no vote. NaN where an option says nothing.
    """
    shares = np.full(told.answers.shape, np.nan)
    for row, own in zip(shares, told.answers, strict=True):
        said, at = np.unique(own, return_inverse=True)
        row[:] = np.bincount(at[1:], minlength=len(said))[at] / max(1, len(own) - 1)
    return np.where(told.answers == NO_ANSWER, np.nan, shares)


def majority(told: Told) -> Array:
    """What most cells say: vanilla where that is vanilla's answer, else the first such cell."""
    return most_certain(vote_shares(told), told.pairs)


def confidence(told: Told) -> Array:
    """The option whose likeliest candidate is likeliest, vanilla among them."""
    return most_certain(np.where(told.answers == NO_ANSWER, np.nan, told.logprob), told.pairs)


def agreement(told: Told) -> Array:
    """The most confident cell that says what the source prompt says by itself.

    Vanilla where it says so too, and where no cell does.
    """
    agrees = _agrees(told)
    values = np.where(agrees, told.logprob if told.scored else 0.0, np.nan)
    values[agrees[:, 0], 0] = np.inf
    return most_certain(values, told.pairs)


def _agrees(told: Told) -> Array:
    found: Array = (told.answers == told.source[:, None]) & (told.answers != NO_ANSWER)
    return found


def decided(name: str, told: Told) -> Array:
    """Where a method had what it goes by, ``[examples]``; elsewhere it leaves vanilla.

    Some cell's answer (majority), some option's likeliest candidate (confidence), some option that
    says what the source prompt says (agreement).

    Args:
        name: of :data:`METHODS`.
        told: as the method takes it.
    """
    says = told.answers != NO_ANSWER
    by = {
        "majority": says[:, 1:],
        "confidence": says & ~np.isnan(told.logprob),
        "agreement": _agrees(told),
    }
    return np.asarray(by[name].any(axis=1))


METHODS: Mapping[str, Callable[[Told], Array]] = {
    "majority": majority, "confidence": confidence, "agreement": agreement,
}  # fmt: skip
"""Those that learn nothing, by name."""


def fixed_options(right: Array, langs: Array, pairs: Sequence[Pair], of: Array) -> Array:
    """The pair that a pilot would choose for each language, applied to other examples.

    Args:
        right: ``[pilot examples, cells]``, bool.
        langs: ``[pilot examples]``, their languages.
        pairs: of the cells.
        of: ``[examples]``, the languages of the others.

    Raises:
        ValueError: a language without a pilot example.
    """
    found = np.zeros(len(of), dtype=np.int64)
    for lang in np.unique(of):
        own = right[langs == lang]
        if not len(own):
            raise ValueError(f"no pilot example in {lang}")
        pair = choose_pair(dict(zip(pairs, own.sum(axis=0).tolist(), strict=True)))
        found[of == lang] = 1 + list(pairs).index(pair)
    return found
