"""Rates: their intervals against scipy, their averages against numpy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from xtransplant.stats import Rate, macro, micro, spread


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_scipys(counts):
    rate = Rate(*counts)
    theirs = binomtest(*counts).proportion_ci(0.95, method="wilson")
    assert rate.ci95 == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_averages():
    rates = [Rate(1, 2), Rate(9, 10)]
    assert micro(rates).value == pytest.approx(10 / 12)
    assert macro(rates)[0] == pytest.approx(0.7)
    assert spread(rates) == pytest.approx(math.sqrt(0.08))
    assert math.isnan(spread([Rate(1, 2), Rate(math.nan, 2)]))
    assert Rate(9, 10).stderr == pytest.approx(np.std([1] * 9 + [0], ddof=1) / math.sqrt(10))
    for unknown in (Rate(0, 0), Rate(math.nan, 4)):
        assert math.isnan(unknown.value)
        assert all(map(math.isnan, unknown.ci95))


def test_the_error_of_a_mean_over_languages():
    rates = [Rate(3, 10), Rate(40, 50), Rate(1, 7)]
    mean, error = macro(rates)
    assert mean == pytest.approx(np.mean([rate.value for rate in rates]))
    assert error == pytest.approx(math.hypot(*(rate.stderr for rate in rates)) / 3)
