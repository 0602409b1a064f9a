"""Which rows run through which layer: rows from the layer they join at, histories below."""

import random

import numpy as np
import pytest

from xtransplant.engine.compile.decoding_plan import plan_step


def histories_of(columns, plan, layer):
    """What each column of a layer stands for: ``(history, row or None)``."""
    layers = plan.layers
    shared = [(int(one), None) for one in layers[layer].histories]
    own = [(int(columns[row]), row) for row in range(layers[layer].n_own)]
    return shared + own


@pytest.mark.parametrize("seed", range(20))
def test_every_column_starts_out_as_its_own_history(seed):
    dice = random.Random(seed)
    n_layers, n_rows, n_histories = 5, dice.randint(1, 8), dice.randint(1, 3)
    start = np.array([*sorted(dice.randrange(n_layers) for _ in range(n_rows)), n_layers])
    history = np.array([dice.randrange(n_histories) for _ in range(n_rows)] + [0])
    alive = np.ones(n_rows + 1, dtype=bool)
    token = 10 + history
    plan = plan_step(start, history, token, alive, n_histories=n_histories, n_layers=n_layers)
    before = None
    for layer in range(n_layers):
        here = histories_of(history, plan, layer)
        # Each row runs above where it joins; below, its history does in its place.
        assert {row for _, row in here if row is not None} == set(np.flatnonzero(start <= layer))
        assert {one for one, row in here if row is None} == set(history[start > layer])
        if before is not None:
            index = plan.layers[layer].index
            index = range(len(here)) if index is None else index
            for (own, row), column in zip(here, index, strict=True):
                one, other = before[column]
                assert one == own
                assert other in (row, None)
        before = here
    assert list(plan.tokens) == [10 + own for own, _ in histories_of(history, plan, 0)]
    assert plan.token_forwards == sum(one.n_columns for one in plan.layers) / n_layers


def test_without_sharing_every_row_runs_through_all_layers():
    start, token = np.zeros(3, dtype=int), np.array([7, 8, 9])
    plan = plan_step(
        start, np.array([2, 0, 1]), token, np.ones(3, dtype=bool), n_histories=0, n_layers=2
    )
    assert [(layer.n_own, len(layer.histories), layer.index) for layer in plan.layers] == [
        (3, 0, None), (3, 0, None)
    ]  # fmt: skip
    assert list(plan.tokens) == [7, 8, 9]
    assert plan.token_forwards == 3


def test_a_history_whose_rows_have_ended_does_not_run():
    alive = np.array([True, False, True])
    plan = plan_step(
        np.array([1, 1, 2]), np.array([0, 1, 0]), np.array([5, 6, 5]), alive,
        n_histories=2, n_layers=2,
    )  # fmt: skip
    assert [list(layer.histories) for layer in plan.layers] == [[0], [0]]
    assert list(plan.tokens) == [5]
