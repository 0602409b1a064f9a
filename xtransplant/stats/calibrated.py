"""A small model that says how likely each option is right, trained on a pilot's records.

Two of scikit-learn's logistic regressions, one of cells and one of vanilla, each calibrated by
Platt's sigmoid on folds of items that it was not trained on. Numbers in, numbers out: no model is
written or read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xtransplant.errors import XTransplantError
from xtransplant.stats.gains import by_item
from xtransplant.stats.per_example import NO_ANSWER, Told, most_certain, vote_shares

__all__ = ["FALLS", "FEW", "Calibration", "Chooser", "calibration", "check_installed", "train"]

Array = np.ndarray[Any, Any]
FEW = "right and wrong ones are not both left outside every fold"
FALLS = "calibrated chances fall as scores rise"
_FOLDS = 5
_BINS = 10


def check_installed() -> None:
    """Say how to install what :func:`train` needs.

    Raises:
        XTransplantError: scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise XTransplantError(
            "the small model that chooses a cell needs the package scikit-learn: "
            "pip install 'xtransplant[choose]'"
        ) from error


@dataclass(frozen=True)
class Chooser:
    """What was learnt.

    Attributes:
        cells, vanilla: ``[rows, features]`` to ``[rows]``, how likely each is right.
        priors: ``[cells]``, log-odds that each was right on the training examples.
        flat_cells: why all cells have one chance, the share right; empty where one was learnt.
        flat_vanilla: likewise of vanilla.
    """

    cells: Callable[[Array], Array]
    vanilla: Callable[[Array], Array]
    priors: Array
    flat_cells: str = ""
    flat_vanilla: str = ""

    def chances(self, told: Told) -> Array:
        """``[examples, options]``, how likely each is right; 0 where it says nothing."""
        cells, vanilla = _features(told, np.broadcast_to(self.priors, _cells_shape(told)))
        found = np.concatenate(
            [
                self.vanilla(vanilla)[:, None],
                self.cells(cells).reshape(_cells_shape(told)),
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
    n_cells = right.shape[1] - 1
    of_cells, flat_cells = _fit(
        cells, right[:, 1:].ravel(), np.repeat(at, n_cells), 1 / n_cells, seed
    )
    of_vanilla, flat_vanilla = _fit(vanilla, right[:, 0], at, 1.0, seed)
    priors = _prior(hits.sum(axis=0), counts.sum())
    return Chooser(of_cells, of_vanilla, priors, flat_cells, flat_vanilla)


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


def _fit(
    features: Array, right: Array, items: Array, weight: float, seed: int
) -> tuple[Callable[[Array], Array], str]:
    """A regression on all rows, calibrated on rows of folds that others were fitted without.

    Where it cannot be calibrated (right and wrong rows are not both left outside every fold), or
    has learnt nothing that holds for other items (its chances fall as its scores rise), every row
    has the share of right ones, with one success and one failure added; why is said beside it.

    Args:
        features: ``[rows, features]``.
        right: ``[rows]``, bool.
        items: ``[rows]``, each dealt to one fold whole, so that right ones are spread over folds.
        weight: of each row: those of one example count as one together.
        seed: of the folds.
    """
    share = (right.sum() * weight + 1) / (len(right) * weight + 2)

    def constant(rows: Array) -> Array:
        return np.full(len(rows), share)

    n_folds = min(_FOLDS, len(np.unique(items)), int(right.sum()), int((~right).sum()))
    if n_folds < 2:
        return constant, FEW
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    dealer = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    folds = list(dealer.split(features, right, items))
    if any(np.ptp(right[learnt].astype(np.int8)) == 0 for learnt, _ in folds):
        return constant, FEW
    # C is the weight of every row against half the squared coefficients.
    regression = LogisticRegression(C=weight, max_iter=1000)
    pipeline = make_pipeline(StandardScaler(), regression)
    # Not an ensemble: the folds calibrate, and the regression that is used has seen all rows.
    model = CalibratedClassifierCV(pipeline, method="sigmoid", cv=folds, ensemble=False)
    model.fit(features, right)

    def chance(rows: Array) -> Array:
        found: Array = model.predict_proba(rows)[:, 1]
        return found

    scores = model.calibrated_classifiers_[0].estimator.decision_function(features)
    ends = chance(features[[scores.argmin(), scores.argmax()]])
    return (chance, "") if ends[0] < ends[1] else (constant, FALLS)


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
