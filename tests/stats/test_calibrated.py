"""The small model that chooses a cell for each example."""

from dataclasses import replace

import numpy as np
import pytest

from xtransplant.stats.calibrated import FEW, calibration, train
from xtransplant.stats.per_example import NO_ANSWER, Told

PAIRS = tuple((i, j) for i in range(2) for j in range(3))


def planted(seed, n=120):
    """Examples of which a cell is right where it is confident, and the confident cell varies."""
    dice = np.random.default_rng(seed)
    shape = n, 1 + len(PAIRS)
    logprob = -dice.exponential(1.5, shape)
    right = dice.random(shape) < np.exp(logprob)
    gold = dice.integers(0, 5, n)
    said = np.where(right, gold[:, None], (gold[:, None] + dice.integers(1, 5, shape)) % 5)
    told = Told(PAIRS, said, np.full(n, NO_ANSWER), logprob, -logprob, np.zeros(shape))
    return told, right, np.arange(n) // 2


@pytest.fixture(scope="module")
def trained():
    return train(*planted(0))


def test_it_finds_what_is_planted_and_its_chances_hold(trained):
    told, right, _ = planted(1, 600)
    chosen = trained.choose(told)
    at = np.arange(len(chosen))
    assert right[at, chosen].mean() > right.mean(axis=0).max() + 0.2
    chances = trained.chances(told)
    every = calibration(chances.ravel(), right.ravel())
    assert abs(every.said - every.right) < 0.03
    assert every.ece < 0.05
    found = calibration(chances[at, chosen], right[at, chosen])
    assert found.n == 600
    assert found.brier < right[at, chosen].var()  # it tells which are right
    # The largest of several chances is one that errs upwards: a known trap (docs/statistics.md).
    assert found.said > found.right


def test_it_keeps_vanilla_where_no_cell_is_likelier_to_be_right(trained):
    told, _, _ = planted(2)
    chances, chosen = trained.chances(told), trained.choose(told)
    assert ((chosen == 0) == (chances[:, 0] >= chances[:, 1:].max(axis=1))).all()
    assert 0 < (chosen == 0).sum() < len(chosen)
    silent = replace(told, answers=np.full(told.answers.shape, NO_ANSWER))
    assert (trained.choose(silent) == 0).all()


def test_a_model_is_the_same_each_time_and_never_certain(trained):
    told, _, _ = planted(3)
    chances = trained.chances(told)
    assert (train(*planted(0)).chances(told) == chances).all()
    assert trained.flat_cells == trained.flat_vanilla == ""
    assert ((chances > 0) & (chances < 1)).all()


@pytest.mark.parametrize("value", [False, True])
def test_where_all_is_right_or_none_it_still_answers(value):
    told, right, items = planted(0, 20)
    found = train(told, np.full(right.shape, value), items)
    chances = found.chances(told)
    assert ((chances > 0.5) == value).all()
    assert found.flat_cells == found.flat_vanilla == FEW
    with pytest.raises(ValueError, match="1 items"):
        train(told, right, np.zeros(20))


def test_what_does_not_hold_for_other_items_is_not_used():
    told, right, items = planted(0, 40)
    one_item = np.zeros_like(right)
    one_item[items == 3] = True  # outside its own fold nothing is right
    chances = train(told, one_item, items).chances(told)
    assert chances[:, 0] == pytest.approx((2 + 1) / (40 + 2))
    assert chances[:, 1:] == pytest.approx((2 + 1) / (40 + 2))
    noise = np.random.default_rng(5).random(right.shape) < 0.5
    chances = train(told, noise, items).chances(told)
    assert np.abs(chances - 0.5).max() < 0.25


def test_calibration_of_what_is_known():
    right = np.array([True, False, True, True])
    perfect = calibration(right.astype(float), right)
    assert (perfect.brier, perfect.ece) == (0, 0)
    same = calibration(np.full(4, 0.5), right)
    assert (same.brier, same.ece, same.right) == (0.25, 0.25, 0.75)
