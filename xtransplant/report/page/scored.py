"""What the page shows of scored candidates: numbers of the answer, as small whole ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["MISSING", "Scored", "of_candidates"]

MISSING = -1

Numbers = np.ndarray[Any, np.dtype[np.int_]]
Lists = Sequence[Sequence[Any] | None]


class Scored(NamedTuple):
    """Of each row; -1 where it is not known.

    Attributes:
        said: the likeliest candidate.
        share: the answer's probability among all in thousandths; unknown where any is a bound.
        below: minus the answer's log-probability, in thousandths of a nat.
        rank: 1 + how many candidates are likelier.
        bound: 1 where the log-probability is an upper bound, 2 where the answer may stand further
            back than its rank, 3 where both.
    """

    said: Numbers
    share: Numbers
    below: Numbers
    rank: Numbers
    bound: Numbers


def of_candidates(logprobs: Lists, bounds: Lists, answers: Numbers) -> Scored:
    """What rows say of their answers.

    Args:
        logprobs: ``[rows][candidates]``, nats; None of a row that has none.
        bounds: likewise, whether each is an upper bound; None of a row without.
        answers: ``[rows]``, which candidate is the answer; -1 where none is.
    """
    values, sizes = _table(logprobs, -np.inf)
    values[np.isnan(values)] = -np.inf
    known = np.isfinite(values).any(axis=1)
    top = np.where(known, values.max(axis=1), 0)
    shares = np.exp(values - top[:, None])
    at = answers.clip(min=0)[:, None]
    there = known & (answers >= 0) & (answers < sizes)
    own = np.take_along_axis(values, at, axis=1)
    share = np.take_along_axis(shares, at, axis=1)[:, 0] / shares.sum(axis=1).clip(min=1e-300)
    loose = np.zeros(values.shape, dtype=bool)
    given, _ = _table(bounds, 0)
    loose[:, : given.shape[1]] = given > 0
    likelier = values > own
    of_answer = np.take_along_axis(loose, at, axis=1)[:, 0]
    finite = there & np.isfinite(own[:, 0])

    def whole(numbers: Any, where: Any) -> Numbers:
        return np.where(where, np.rint(np.where(where, numbers, 0)), MISSING).astype(int)

    # Behind a candidate that is no more than a bound the answer need not stand; of the answer's own
    # bound those above it are as likely as they say, or less.
    sure = likelier & ~loose
    return Scored(
        np.where(known, values.argmax(axis=1), MISSING),
        whole(1000 * share, there & ~loose.any(axis=1)),
        whole(np.abs(1000 * own[:, 0]), finite),
        whole(1 + sure.sum(axis=1), there),
        of_answer.astype(int) + 2 * (of_answer | (likelier & loose).any(axis=1)),
    )


def _table(lists: Lists, missing: float) -> tuple[np.ndarray[Any, Any], Numbers]:
    """``[rows, columns]``, and how many columns each row has of its own."""
    sizes = np.array([0 if own is None else len(own) for own in lists])
    found = np.full((len(sizes), max(1, sizes.max(initial=0))), missing)
    some = [own for own in lists if own is not None and len(own)]
    if some:
        found[np.arange(found.shape[1]) < sizes[:, None]] = np.concatenate(some)
    return found, sizes
