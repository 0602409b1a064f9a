"""Choosing a pair: counts of rows against a loop, and the rule of ties."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xtransplant.stats import choose_pair, count_hits, sum_hits

rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=30)


@given(rows)
def test_hits_are_those_of_a_loop(found):
    table = np.array(found, dtype=np.int16).reshape(-1, 3)
    expected = {}
    for i, j, one in sorted(found):
        expected[i, j] = expected.get((i, j), 0) + one
    hits = count_hits(table[:, 0], table[:, 1], table[:, 2].astype(bool))
    assert list(hits.items()) == list(expected.items())


def test_sums_are_of_pairs_that_every_language_has():
    assert sum_hits([{(0, 0): 1, (1, 0): 2}, {(1, 0): 3, (2, 2): 1}]) == {(1, 0): 5}
    assert sum_hits([]) == {}


def test_ties_go_to_the_smallest_target_then_the_largest_source():
    assert choose_pair({(0, 1): 3, (2, 1): 3, (1, 1): 3, (5, 2): 3, (4, 0): 2}) == (2, 1)
