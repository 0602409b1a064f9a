"""Flips and gains, against counting by hand and against the formulas of independent examples."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom

from xtransplant.stats import bound_gain, clustered_stderr, gain
from xtransplant.stats.gains import by_item, sign_flip_p

paired = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        arrays(np.bool_, n), arrays(np.bool_, n), arrays(np.int64, n, elements=st.integers(0, 6))
    )
)


@given(paired)
def test_flips_are_counted(case):
    before, after, items = case
    found = gain(before, after, items)
    flips = [(b, a) for b, a in zip(before.tolist(), after.tolist(), strict=True)]
    assert found.fixed == flips.count((False, True))
    assert found.broken == flips.count((True, False))
    assert found.fixed + found.broken + found.unchanged == found.n == len(before)
    assert found.value == pytest.approx(after.mean() - before.mean())


@given(paired)
def test_the_other_way_round_everything_turns(case):
    before, after, items = case
    one, other = gain(before, after, items), gain(after, before, items)
    assert (one.fixed, one.broken, one.p) == (other.broken, other.fixed, other.p)
    assert one.value == -other.value
    assert one.stderr == pytest.approx(other.stderr, nan_ok=True)


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (1, 0), (5, 0), (9, 2), (3, 3), (40, 25)])
def test_mcnemar_is_a_fair_coin_over_the_flips(fixed, broken):
    before = np.array([False] * fixed + [True] * broken + [True] * 4)
    after = np.array([True] * fixed + [False] * broken + [True] * 4)
    n = fixed + broken
    tail = binom.cdf(min(fixed, broken), n, 0.5)
    assert gain(before, after).p == pytest.approx(min(1.0, 2 * tail))


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_p_is_over_all_ways_to_turn_items_round(sums):
    signs = itertools.product([1, -1], repeat=len(sums))
    totals = [abs(sum(s * x for s, x in zip(sign, sums, strict=True))) for sign in signs]
    expected = np.mean([total >= abs(sum(sums)) for total in totals])
    assert sign_flip_p(np.array(sums)) == pytest.approx(expected)


def test_items_of_one_example_have_the_standard_error_of_a_mean():
    values = np.random.default_rng(0).normal(size=50)
    found = clustered_stderr(*by_item(values))
    assert found == pytest.approx(values.std(ddof=1) / math.sqrt(50))


def test_copies_of_an_example_add_nothing():
    dice = np.random.default_rng(0)
    before, after = dice.random((2, 40)) < 0.5
    once, thrice = gain(before, after), gain(*(np.tile(x, 3) for x in (before, after)),
                                             np.tile(np.arange(40), 3))  # fmt: skip
    assert thrice.value == pytest.approx(once.value)
    assert thrice.stderr == pytest.approx(once.stderr)
    assert thrice.ci95 == pytest.approx(once.ci95)
    assert thrice.p == pytest.approx(once.p)
    # Taken for independent they would seem to say much more.
    alone = gain(*(np.tile(x, 3) for x in (before, after)))
    assert alone.stderr < 0.6 * thrice.stderr
    assert np.ptp(alone.ci95) < 0.7 * np.ptp(thrice.ci95)


def test_the_interval_is_near_the_normal_one_of_many_items():
    dice = np.random.default_rng(3)
    before, after, items = dice.random(600) < 0.4, dice.random(600) < 0.5, np.arange(600) // 3
    found = gain(before, after, items)
    low, high = found.ci95
    assert low < found.value < high
    assert low == pytest.approx(found.value - 1.96 * found.stderr, abs=0.2 * found.stderr)
    assert high == pytest.approx(found.value + 1.96 * found.stderr, abs=0.2 * found.stderr)


def test_where_nothing_differs_there_is_no_interval():
    same = np.array([True, False, True])
    found = gain(same, same)
    assert (found.value, found.stderr, found.p) == (0, 0, 1)
    assert all(map(math.isnan, found.ci95))
    assert all(map(math.isnan, gain(same[:1], ~same[:1]).ci95))


@given(st.tuples(st.integers(2, 12), st.integers(1, 5)), st.integers(0, 99))
def test_a_bound_over_its_null_is_the_difference_of_the_two(shape, seed):
    right, null = np.random.default_rng(seed).random((2, *shape)) < 0.2
    found = bound_gain(right, null)
    assert found.value == pytest.approx(right.any(1).mean() - null.any(1).mean())
    assert bound_gain(right, right).value == 0


def test_an_interval_by_an_error_stays_within_what_a_gain_can_be():
    after, before = np.ones(50, bool), np.zeros(50, bool)
    before[0] = True
    low, high = replace(gain(before, after), error=lambda: 0.03).ci95
    assert (high, low) == (1.0, pytest.approx(0.98 - 1.96 * 0.03))
