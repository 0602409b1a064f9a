"""A small model that says how likely each option is right, trained on a pilot's records.

Two logistic regressions (L2, standardised features), one of cells and one of vanilla, each
calibrated by Platt's sigmoid on folds of items that it was not trained on. Numbers in, numbers out:
no model is written or read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.stats.gains import by_item
from xtransplant.stats.per_example import NO_ANSWER, Told, most_certain, vote_shares

__all__ = ["Calibration", "Chooser", "calibration", "train"]

Array = np.ndarray[Any, Any]
_FOLDS = 5
_BINS = 10


@dataclass(frozen=True)
class _Logistic:
    """``p = sigmoid(a * (w . x + b) + c)`` of standardised features."""

    mean: Array
    scale: Array
    weights: Array  # the last is the intercept
    platt: tuple[float, float] = (1.0, 0.0)

    def score(self, features: Array) -> Array:
        """``[rows]``, before Platt's sigmoid."""
        found: Array = (features - self.mean) / self.scale @ self.weights[:-1] + self.weights[-1]
        return found

    def chance(self, features: Array) -> Array:
        """``[rows]``, calibrated."""
        return _sigmoid(self.platt[0] * self.score(features) + self.platt[1])


@dataclass(frozen=True)
class Chooser:
    """What was learnt.

    Attributes:
        cells, vanilla: the two regressions.
        priors: ``[cells]``, log-odds that each was right on the training examples.
    """

    cells: _Logistic
    vanilla: _Logistic
    priors: Array

    def chances(self, told: Told) -> Array:
        """``[examples, options]``, how likely each is right; 0 where it says nothing."""
        cells, vanilla = _features(told, np.broadcast_to(self.priors, _cells_shape(told)))
        found = np.concatenate(
            [
                self.vanilla.chance(vanilla)[:, None],
                self.cells.chance(cells).reshape(_cells_shape(told)),
            ],
            axis=1,
        )
        return np.where(told.answers == NO_ANSWER, 0.0, found)

    def choose(self, told: Told) -> Array:
        """The likeliest option; vanilla, unless a cell is likelier to be right than it is."""
        return most_certain(self.chances(told), told.pairs)


def train(told: Told, right: Array, items: Array, *, seed: int = 0) -> Chooser:
    """Learn which options are right.

    Args:
        told: of the training examples.
        right: ``[examples, options]``, bool.
        items: ``[examples]``, what tells items apart; each is dealt to a fold whole.
        seed: of the folds.

    Raises:
        ValueError: fewer than two items.
    """
    hits, counts = by_item(right[:, 1:].astype(np.int64), items)
    if len(counts) < 2:
        raise ValueError(f"{len(counts)} items; 2 or more are needed")
    at = np.unique(items, return_inverse=True)[1]
    # A cell's record without the example's own item, or the model would trust it too far.
    priors = _prior(hits.sum(axis=0) - hits[at], (counts.sum() - counts[at])[:, None])
    cells, vanilla = _features(told, priors)
    fold = np.random.default_rng(seed).permutation(len(counts))[at] % min(_FOLDS, len(counts))
    n_cells = right.shape[1] - 1
    return Chooser(
        _fit(cells, right[:, 1:].ravel(), np.repeat(fold, n_cells), 1 / n_cells),
        _fit(vanilla, right[:, 0], fold, 1.0),
        _prior(hits.sum(axis=0), counts.sum()),
    )  # fmt: skip


def _cells_shape(told: Told) -> tuple[int, int]:
    return len(told.answers), len(told.pairs)


def _prior(hits: Array, n: Any) -> Array:
    """Share right with one success and one failure added, as log-odds."""
    found: Array = np.log((hits + 1) / (n - hits + 1))
    return found


def _features(told: Told, priors: Array) -> tuple[Array, Array]:
    """``[examples * cells, features]`` of cells, and ``[examples, features]`` of vanilla."""
    votes = np.nan_to_num(vote_shares(told))
    known = told.source[:, None] != NO_ANSWER
    columns = [
        votes,
        votes == votes.max(axis=1, keepdims=True),  # says what most do
        (told.answers == told.source[:, None]) & known,  # what the source says by itself
        told.answers == told.answers[:, :1],  # what vanilla says
    ]
    for one in (told.logprob, told.margin, told.entropy):
        column = np.where(np.isfinite(one), one, 0.0)
        columns += [column, column - column[:, :1]]
    every = np.stack([column.astype(np.float64) for column in columns], axis=2)
    depth = max(1, *(max(pair) for pair in told.pairs))
    layers = np.array(told.pairs, dtype=np.float64) / depth
    place = np.broadcast_to(layers, (*_cells_shape(told), 2))
    cells = np.concatenate([every[:, 1:], priors[:, :, None], place], axis=2)
    return cells.reshape(-1, cells.shape[2]), every[:, 0]


def _fit(features: Array, right: Array, fold: Array, weight: float) -> _Logistic:
    """A regression on all rows, calibrated on rows of folds that others were fitted without."""
    scores = np.zeros(len(features))
    for k in np.unique(fold):
        own = fold == k
        scores[own] = _regress(features[~own], right[~own], weight).score(features[own])
    # Platt (1999): targets a little inside 0 and 1, so that no chance is either.
    positive, n = right.sum() * weight, len(right) * weight
    high, low = (positive + 1) / (positive + 2), 1 / (n - positive + 2)
    platt = _minimise(scores[:, None], np.where(right, high, low), weight, 0.0)
    final = _regress(features, right, weight)
    # Where the score tells nothing, the slope may come out below 0, which would turn it round.
    return _Logistic(final.mean, final.scale, final.weights, (max(0.0, platt[0]), platt[1]))


def _regress(features: Array, right: Array, weight: float) -> _Logistic:
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < 1e-9] = 1.0
    weights = _minimise((features - mean) / scale, right.astype(np.float64), weight, 1.0)
    return _Logistic(mean, scale, weights)


def _minimise(features: Array, targets: Array, weight: float, penalty: float) -> Array:
    """``[features + 1]``, weights and intercept of least log-loss.

    Args:
        features: ``[rows, features]``.
        targets: ``[rows]``, from 0 to 1.
        weight: of each row: those of one example count as one together.
        penalty: on half the squared weights.
    """
    from scipy.optimize import minimize

    def loss(w: Array) -> tuple[float, Array]:
        z = features @ w[:-1] + w[-1]
        error = weight * (_sigmoid(z) - targets)
        value = weight * float((np.logaddexp(0, z) - targets * z).sum())
        gradient = np.append(features.T @ error + penalty * w[:-1], error.sum())
        return value + penalty * float(w[:-1] @ w[:-1]) / 2, gradient

    start = np.zeros(features.shape[1] + 1)
    found: Array = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return found


def _sigmoid(z: Array) -> Array:
    from scipy.special import expit

    found: Array = expit(z)
    return found


@dataclass(frozen=True)
class Calibration:
    """How far chances can be believed.

    Attributes:
        n: examples.
        said: the mean chance.
        right: the share that is right.
        brier: mean squared difference; 0 is best.
        ece: expected calibration error over ten bins of equal width.
    """

    n: int
    said: float
    right: float
    brier: float
    ece: float


def calibration(chances: Array, right: Array) -> Calibration:
    """Of the chances that were given to what was chosen.

    Args:
        chances: ``[examples]``, from 0 to 1.
        right: ``[examples]``, bool.
    """
    bins = np.minimum((chances * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, chances - right, minlength=_BINS)
    n = len(right)
    return Calibration(
        n, float(chances.mean()), float(right.mean()),
        float(((chances - right) ** 2).mean()), float(np.abs(gaps).sum() / n),
    )  # fmt: skip
