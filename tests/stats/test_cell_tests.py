"""Tests of all cells of a grid: against every flip there is, and their level without effect."""

from itertools import product

import numpy as np
import pytest

from xtransplant.stats import compare_cells


def grid(seed, n_items, n_cells, langs=1, effect=0.0):
    """No effect (before and after alike by chance), but for the first cell; items go together."""
    dice = np.random.default_rng(seed)
    items = np.repeat(np.arange(n_items), langs)
    easy = np.repeat(dice.random(n_items) < 0.5, langs)
    flips = np.repeat(dice.random((n_items, n_cells)) < 0.6, langs, axis=0)
    after = np.where(flips, np.repeat(dice.random((n_items, n_cells)) < 0.5, langs, axis=0),
                     easy[:, None])  # fmt: skip
    after[:, 0] |= np.repeat(dice.random(n_items) < effect, langs)
    return easy, after, items


def test_draws_approach_every_flip_there_is():
    before, after, items = grid(4, 9, 4, langs=2)
    sums = np.stack([(after[items == k] * 1 - before[items == k][:, None]).sum(0)
                     for k in range(9)])  # fmt: skip
    scale = np.sqrt((sums**2).sum(0))
    scale[scale == 0] = 1
    signs = np.array(list(product([-1, 1], repeat=9)))
    every = np.abs(signs @ sums) / scale
    seen = np.abs(sums.sum(0)) / scale - 1e-9
    found = compare_cells(before, after, items, draws=20_000)
    assert found.p == pytest.approx((every >= seen).mean(0), abs=0.015)
    assert found.p_family == pytest.approx((every.max(1)[:, None] >= seen).mean(0), abs=0.015)
    assert found.gains == pytest.approx(after.mean(0) - before.mean())


def test_more_tests_are_never_less_strict():
    before, after, items = grid(1, 30, 12, langs=2, effect=0.3)
    found = compare_cells(before, after, items, draws=999)
    assert (found.p_family >= found.p).all()
    assert (found.q >= found.p - 1e-12).all()
    assert found.p.min() >= 1 / 1000
    few = compare_cells(before, after[:, :3], items, draws=999)
    assert (few.p_family <= found.p_family[:3] + 0.02).all()


def test_languages_of_an_item_are_no_further_evidence():
    before, after, items = grid(2, 25, 6)
    once = compare_cells(before, after, items, draws=999)
    twice = compare_cells(*(np.concatenate([x, x]) for x in (before, after, items)), draws=999)
    assert twice.p_family.tolist() == once.p_family.tolist()
    assert twice.q.tolist() == once.q.tolist()


def test_cells_that_change_nothing_are_never_found():
    before = np.array([True, False, True, True])
    found = compare_cells(before, np.stack([before, before], axis=1))
    assert found.p_family.tolist() == found.q.tolist() == [1, 1]


def test_of_grids_without_effect_few_have_a_marked_cell_and_a_planted_one_is_found():
    found = [compare_cells(*grid(seed, 40, 30, langs=2), draws=199) for seed in range(150)]
    # 5%, and two and a half standard errors.
    assert np.mean([one.p_family.min() <= 0.05 for one in found]) <= 0.095
    # Each cell at its own level: the grid's promise is false.
    assert np.mean([one.p.min() <= 0.05 for one in found]) > 0.25
    planted = [compare_cells(*grid(seed, 80, 30, effect=0.8), draws=199).p_family[0] <= 0.05
               for seed in range(30)]  # fmt: skip
    assert np.mean(planted) > 0.9


def test_a_lone_cell_of_a_thousand_needs_more_draws_for_its_q():
    """p is no less than 1 / (draws + 1), and Benjamini and Hochberg ask for 0.05 / 1,024."""
    before, after = np.zeros(20, dtype=bool), np.zeros((20, 1024), dtype=bool)
    after[:, 500] = True
    few, enough = (compare_cells(before, after, draws=draws) for draws in (9_999, 20_479))
    assert few.p_family[500] <= 0.05
    assert few.q[500] > 0.05
    assert enough.q[500] <= 0.05 + 1e-12
    after[:, 501:503] = True
    assert compare_cells(before, after).q[500] <= 0.05
