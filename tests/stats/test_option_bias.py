"""How far the options chosen are from those that are right: by definition, and under no bias."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from xtransplant.stats.option_bias import option_bias

OPTIONS = 4


@given(
    st.lists(
        st.tuples(st.integers(-1, 3), st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=40
    )
)
def test_the_distance_is_half_the_sum_over_options_of_what_shares_differ_by(rows):
    chosen, right, items = np.array(rows).T
    found = option_bias(chosen, right, OPTIONS, items)
    said = [(a, b) for a, b, _ in rows if a >= 0]
    assert (found.n, found.none) == (len(said), len(rows) - len(said))
    if not said:
        assert math.isnan(found.distance)
        return
    shares = [
        sum(a == k for a, _ in said) / len(said) - sum(b == k for _, b in said) / len(said)
        for k in range(OPTIONS)
    ]
    assert found.distance == pytest.approx(sum(map(abs, shares)) / 2)
    assert 0 <= found.distance <= 1


def test_what_is_always_right_has_no_distance_and_what_always_says_one_has_a_large_one():
    right = np.arange(80) % OPTIONS
    exact = option_bias(right, right, OPTIONS)
    assert (exact.distance, exact.by_chance, exact.p, exact.ci95) == (0, 0, 1, (0, 0))
    stuck = option_bias(np.zeros(80, dtype=int), right, OPTIONS)
    assert stuck.distance == 0.75
    assert stuck.p == 1 / 10_000
    low, high = stuck.ci95
    assert low < 0.75 < high
    assert stuck.by_chance < low


def test_of_two_options_p_is_mcnemars():
    # What is chosen wrongly: 18 times the first option, 6 times the second.
    chosen = np.repeat([0, 1, 0, 1], [18, 6, 20, 20])
    right = np.repeat([1, 0, 0, 1], [18, 6, 20, 20])
    found = option_bias(chosen, right, 2)
    assert found.p == pytest.approx(binomtest(18, 24).pvalue, abs=0.005)


def test_items_are_swapped_and_drawn_whole():
    rng = np.random.default_rng(0)
    right, chosen = rng.integers(0, OPTIONS, (2, 12))
    one = option_bias(chosen, right, OPTIONS)
    # Six languages that say the same know no more than one.
    many = option_bias(np.tile(chosen, 6), np.tile(right, 6), OPTIONS, np.tile(np.arange(12), 6))
    assert many.n == 6 * one.n
    assert many.distance == pytest.approx(one.distance)
    assert many.ci95 == pytest.approx(one.ci95)
    assert (many.p, many.by_chance) == pytest.approx((one.p, one.by_chance))
