"""Choosing a pair and counting it on the same data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtransplant.stats import choice_frequencies, choose_pair, cross_fit, gain
from xtransplant.stats.cross_fit import choosing_errors

PAIRS = [(i, j) for i in range(3) for j in range(4)]


def grid(seed, n=40, share=0.3):
    dice = np.random.default_rng(seed)
    return dice.random(n) < share, dice.random((n, len(PAIRS))) < share


def hits(after):
    return dict(zip(PAIRS, after.sum(0).tolist(), strict=True))


@given(st.integers(0, 200), st.integers(2, 7))
def test_each_fold_is_counted_by_the_pair_that_the_others_choose(seed, folds):
    before, after = grid(seed, n=15)
    items = np.arange(15) // 2
    found = cross_fit(before, after, PAIRS, items, folds=folds, seed=seed)
    dealt = np.random.default_rng(seed).permutation(8)[items] % folds
    right = 0
    for fold, pair in enumerate(found.chosen):
        assert pair == choose_pair(hits(after[dealt != fold]))
        right += after[dealt == fold][:, PAIRS.index(pair)].sum()
    assert found.held_out.value == pytest.approx((right - before.sum()) / 15)
    assert found.best == choose_pair(hits(after))
    assert found.in_sample.value == pytest.approx(max(after.mean(0)) - before.mean())
    assert found.folds.tolist() == dealt.tolist()
    curse = found.in_sample.value - found.held_out.value
    assert found.winners_curse.value == pytest.approx(curse)


def test_of_cells_that_are_all_alike_the_best_looks_better_than_it_is():
    found = [cross_fit(*grid(seed), PAIRS) for seed in range(100)]
    assert np.mean([one.in_sample.value for one in found]) > 0.08
    assert abs(np.mean([one.held_out.value for one in found])) < 0.03
    assert np.mean([one.winners_curse.value for one in found]) > 0.08


def test_a_pair_that_is_better_by_far_is_chosen_always_and_costs_nothing():
    before, after = grid(0)
    after[:, 5] = True
    found = cross_fit(before, after, PAIRS)
    assert set(found.chosen) == {found.best} == {PAIRS[5]}
    assert found.winners_curse.value == 0
    assert choice_frequencies(after, PAIRS) == {PAIRS[5]: 1}


@given(st.integers(0, 50))
def test_frequencies_are_of_choices_by_the_pilots_rule(seed):
    after = grid(seed, n=8)[1]
    found = choice_frequencies(after, PAIRS, draws=50, seed=seed)
    weights = np.random.default_rng(seed).multinomial(8, np.full(8, 1 / 8), size=50)
    chosen = [choose_pair(dict(zip(PAIRS, (w @ after).tolist(), strict=True))) for w in weights]
    assert found == {pair: pytest.approx(chosen.count(pair) / 50) for pair in found}
    assert set(found) == set(chosen)
    assert sum(found.values()) == pytest.approx(1)
    assert sorted(found.values(), reverse=True) == list(found.values())


def test_one_item_cannot_be_held_out():
    with pytest.raises(ValueError, match="1 items"):
        cross_fit(*grid(0, n=3), PAIRS, np.zeros(3))


def test_errors_of_a_gain_that_was_cross_fitted_are_those_of_choosing_anew():
    dice = np.random.default_rng(0)
    found, shares = [], np.full(len(PAIRS), 0.4)
    for _ in range(400):
        before, after = dice.random(60) < 0.4, dice.random((60, len(PAIRS))) < shares
        found.append(cross_fit(before, after, PAIRS))
    values = [one.held_out.value for one in found]
    some = found[:40]
    errors = [one.held_out.stderr for one in some]
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)
    curses = [one.winners_curse.value for one in found]
    assert np.mean([one.winners_curse.stderr for one in some]) == pytest.approx(
        np.std(curses), rel=0.15
    )
    low, high = found[0].held_out.ci95
    assert (low + high) / 2 == pytest.approx(found[0].held_out.value)
    assert (found[0].held_out.p < 0.05) == (not low <= 0 <= high)


def test_of_pairs_that_are_never_in_doubt_errors_are_those_over_items():
    before, after = grid(0, n=200)
    after[:, 5] = np.random.default_rng(9).random(200) < 0.9
    chosen, other = choosing_errors(before, after, PAIRS, draws=4000)
    assert chosen == pytest.approx(gain(before, after[:, 5]).stderr, rel=0.08)
    assert other == 0
    # Held to a grid, it is by the same pairs of that grid.
    plain = np.repeat(before[:, None], len(PAIRS), axis=1)
    assert choosing_errors(plain, after, PAIRS, draws=4000) == (pytest.approx(chosen), other)


def test_a_gain_on_every_example_is_no_chance():
    """All draws gain alike, so that they have no spread; p was 1 for it."""
    before, after = np.zeros(20, dtype=bool), np.ones((20, 2), dtype=bool)
    found = cross_fit(before, after, [(0, 0), (1, 0)]).held_out
    assert (found.value, found.stderr) == (1, 0)
    assert found.p == pytest.approx(2 * 0.5**20)
    assert cross_fit(before, ~after, [(0, 0), (1, 0)]).held_out.p == 1
