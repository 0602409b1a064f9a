"""What part of one gain another is, against ratios counted the long way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xtransplant.stats import gain, gain_share

N = 60


def planted(seed, fixed, half):
    """Gains of a whole that mends some examples and of a part that mends some of these."""
    rng = np.random.default_rng(seed)
    before = np.zeros(N, dtype=bool)
    whole = rng.permutation(N) < fixed
    part = whole & (rng.random(N) < half)
    return before, part, whole


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(20, 50), st.sampled_from([0.2, 0.5, 0.8]))
def test_a_share_is_the_ratio_and_its_interval_holds_it(seed, fixed, half):
    before, part, whole = planted(seed, fixed, half)
    found = gain_share(gain(before, part), gain(before, whole))
    assert found.value == pytest.approx(part.sum() / whole.sum())
    low, high = found.ci95
    assert 0 <= low <= found.value <= high <= 1


def test_the_interval_is_of_the_items_and_not_of_the_examples():
    before, part, whole = planted(3, 30, 0.5)
    items = np.arange(N)
    once = gain_share(gain(before, part, items), gain(before, whole, items))
    thrice = gain_share(
        gain(*(np.tile(one, 3) for one in (before, part, items))),
        gain(*(np.tile(one, 3) for one in (before, whole, items))),
    )
    assert thrice == once  # the same items in three languages tell no more


def test_the_whole_is_itself_and_nothing_is_nothing():
    before, _, whole = planted(0, 30, 0.5)
    own = gain(before, whole)
    assert gain_share(own, own).value == 1
    assert gain_share(own, own).ci95 == (1, 1)
    assert gain_share(gain(before, before), own).ci95 == (0, 0)
    undefined = gain_share(own, gain(before, before))
    assert np.isnan([undefined.value, *undefined.ci95]).all()
    with pytest.raises(ValueError, match="other items"):
        gain_share(gain(before[1:], whole[1:]), own)
