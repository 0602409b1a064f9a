"""Recovery: a scale on which the target stands at 0 and the source at 1."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtransplant.stats import recovery
from xtransplant.stats.recovery import median_ci95

nats = st.floats(-30, 0)


@given(nats, st.floats(0.01, 30), st.floats(-3, 3))
def test_it_is_the_place_between_target_and_source(target, distance, share):
    source = np.array([target + distance])
    cells = np.array([[target, target + distance, target + share * distance]])
    found = recovery(cells, np.array([target]), source)
    assert found.values[0].tolist() == pytest.approx([0, 1, share], abs=1e-9)
    assert found.quartiles[1].tolist() == pytest.approx(found.values[0].tolist())
    assert (found.n, found.undefined) == (1, 0)


def test_where_the_source_is_no_better_it_is_undefined_and_counted():
    target = np.array([-1.0, -2.0, -3.0, -4.0, math.nan])
    source = np.array([-1.0, -3.0, -1.0, math.inf, -1.0])
    found = recovery(np.array([-0.5, -1.0, -2.0, -1.0, -1.0]), target, source)
    assert (found.n, found.undefined) == (1, 4)
    assert np.isnan(found.values).tolist() == [True, True, False, True, True]
    assert found.quartiles.tolist() == [0.5, 0.5, 0.5]


def test_nothing_defined_gives_no_median():
    ones = np.full(3, -1.0)
    assert np.isnan(recovery(ones, ones, ones).quartiles).all()
    assert np.isnan(recovery(ones[:0], ones[:0], ones[:0]).quartiles).all()


def test_the_median_bears_one_example_whose_source_is_hardly_better():
    target, source = np.full(9, -2.0), np.full(9, -1.0)
    source[0] = -2 + 1e-9
    low, median, high = recovery(np.full(9, -1.5), target, source).quartiles
    assert (low, median, high) == pytest.approx((0.5, 0.5, 0.5))


def test_a_cell_that_is_not_finite_leaves_the_others():
    patched = np.array([[-1.0, math.nan], [-1.5, -1.0]])
    found = recovery(patched, np.array([-2.0, -2.0]), np.array([-1.0, -1.0]))
    assert found.quartiles[1].tolist() == [0.75, 1.0]


def test_a_medians_interval_draws_items_with_all_their_languages():
    dice = np.random.default_rng(0)
    values = dice.normal(size=60)
    low, high = median_ci95(values)
    assert low < np.median(values) < high
    # An item that stands there six times is not six items.
    alike = median_ci95(np.repeat(values, 6), np.repeat(np.arange(60), 6))
    assert alike == pytest.approx((low, high))
    apart = median_ci95(np.repeat(values, 6))
    assert apart[1] - apart[0] < 0.7 * (high - low)
    with_gaps = median_ci95(np.append(values, math.nan), np.arange(61))
    assert with_gaps == (low, high)
    assert all(map(math.isnan, median_ci95(values[:1])))


def test_a_medians_interval_holds_it():
    held = 0
    for seed in range(200):
        low, high = median_ci95(np.random.default_rng(seed).normal(size=40), draws=200)
        held += low <= 0 <= high
    assert held >= 200 * 0.95 - 3 * 3.1


def test_a_medians_interval_turns_round_with_the_values():
    """Of an even number of draws the median is between the two in the middle, not the lower."""
    values = np.random.default_rng(3).normal(size=8)
    low, high = median_ci95(values)
    assert median_ci95(-values) == pytest.approx((-high, -low))
