"""The union-size curve, against trying every set of cells."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import gammaln

from xtransplant.stats import sampled_curve, union_curve, union_of_counts

grids = st.tuples(st.integers(1, 5), st.integers(1, 6)).flatmap(lambda s: arrays(np.bool_, s))


@given(grids)
def test_it_is_the_mean_over_every_set_of_cells(right):
    n = right.shape[1]
    for k, found in enumerate(union_curve(right), 1):
        sets = [right[:, list(cells)].any(1).mean() for cells in combinations(range(n), k)]
        assert found == pytest.approx(np.mean(sets), abs=1e-12)


@given(grids)
def test_its_ends_are_the_mean_cell_and_the_upper_bound(right):
    curve = union_curve(right)
    assert curve[0] == pytest.approx(right.mean())
    assert curve[-1] == pytest.approx(right.any(1).mean())
    assert (np.diff(curve) >= -1e-12).all()
    assert (np.diff(curve, 2) <= 1e-12).all()  # each cell adds less than the one before


@pytest.mark.parametrize("right", [0, 1, 7, 512, 1023, 1024])
def test_a_thousand_cells_are_as_logarithms_of_binomials_say(right):
    curve, k = union_of_counts(np.array([right]), 1024), np.arange(1, 1025)
    some = k <= 1024 - right
    a, b = 1024.0 - right, 1024.0
    logs = (gammaln(a + 1) - gammaln(a - k[some] + 1)) - (gammaln(b + 1) - gammaln(b - k[some] + 1))
    assert curve[some] == pytest.approx(-np.expm1(logs), abs=1e-9)
    assert (curve[~some] == 1).all()


def test_without_an_example_it_is_not_known():
    assert np.isnan(union_curve(np.zeros((0, 3), dtype=bool))).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_answers_that_are_drawn_miss_each_by_itself(shares):
    found = sampled_curve(np.array(shares), np.array([1, 2, 5]))
    expected = [np.mean([1 - (1 - p) ** k for p in shares]) for k in (1, 2, 5)]
    assert found == pytest.approx(expected, abs=1e-12)
    assert np.isnan(sampled_curve(np.array([]), np.array([1, 2]))).all()
