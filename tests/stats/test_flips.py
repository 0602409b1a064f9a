"""Flips in format and in knowledge, against their definition example by example."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xtransplant.stats.flips import Said, knowledge_gain
from xtransplant.stats.gains import gain

# What one text may be: nothing, a wrong answer, right at lenient alone, right.
KINDS = {"none": (0, 0, 0), "wrong": (0, 0, 1), "lenient": (0, 1, 1), "right": (1, 1, 1)}
kinds = st.sampled_from(sorted(KINDS))


def said(texts):
    return Said(*np.array([KINDS[one] for one in texts], dtype=bool).reshape(-1, 3).T)


@given(st.lists(st.tuples(kinds, kinds, st.integers(0, 5)), min_size=1, max_size=30))
def test_knowledge_is_what_goes_from_a_wrong_answer_to_the_right_one_and_back(rows):
    before, after, items = zip(*rows, strict=True)
    found = knowledge_gain(said(before), said(after), np.array(items))
    steps = list(zip(before, after, strict=True))
    assert found.fixed == steps.count(("wrong", "right"))
    assert found.broken == steps.count(("right", "wrong"))
    assert found.n == len(rows)
    every = gain(said(before).right, said(after).right, np.array(items))
    assert (found.fixed <= every.fixed, found.broken <= every.broken) == (True, True)
    in_format = every.fixed - found.fixed
    assert in_format == steps.count(("none", "right")) + steps.count(("lenient", "right"))
    assert found.counts.tolist() == every.counts.tolist()
