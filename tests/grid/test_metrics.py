"""What a grid shows of an answer, against each number worked out cell by cell."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from xtransplant import XTransplantError
from xtransplant.grid.axes import MetricName
from xtransplant.grid.metrics import find_metric
from xtransplant.grid.views import views_of

METRICS = get_args(MetricName)
LOGPROBS = st.floats(-60, -0.01)


def by_hand(name, row, target, source):
    """Of candidate 0, the answer."""
    if name == "probability":
        return math.exp(row[0])
    if name == "candidates":
        return 1 / sum(math.exp(one - row[0]) for one in row)
    if name == "rank":
        return sorted(row, reverse=True).index(row[0]) + 1
    return row[0] if name == "logprob" else (row[0] - target[0]) / (source[0] - target[0])


@settings(max_examples=30, deadline=None)
@given(st.data(), st.sampled_from(METRICS))
def test_every_cell_is_what_its_formula_says(made, data, name):
    plain = made(3)
    rows = np.array(data.draw(st.lists(st.tuples(*[LOGPROBS] * 3), min_size=9, max_size=9)))
    target, source = (np.array(data.draw(st.tuples(*[LOGPROBS] * 3))) for _ in range(2))
    source[0] = target[0] + abs(source[0] / 7)  # likelier, as recovery asks for
    grid = replace(
        plain, scores=replace(plain.scores, logprobs=rows, vanilla=target, source=source)
    )
    metric, (view,) = find_metric(name), views_of([grid], metric=name)
    expected = [by_hand(name, row, target, source) for row in rows.tolist()]
    np.testing.assert_allclose(view.values.ravel(), expected, rtol=1e-9)
    assert metric.vanilla(grid) == pytest.approx(by_hand(name, target.tolist(), target, source))
    # The best cell is best by what is shown.
    worth = [metric.sign * one for one in view.values.ravel()]
    assert view.worth == max(worth)
    assert metric.sign * view.values[view.best] == max(worth)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("width", [30, 200])
def test_a_terminal_and_a_figure_show_it(made, name, width, tmp_path):
    plain = made(12)
    source = plain.scores.source + np.array([1.0, 0, 0])
    grid = replace(plain, scores=replace(plain.scores, source=source)).by(name)
    console = Console(width=width, record=True, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(grid)
    text = captured.get()
    metric = find_metric(name)
    assert metric.title in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= width
    figure = grid.plot(tmp_path / "grid.png")
    assert metric.title in figure.axes[-1].get_ylabel()


def test_a_scale_is_as_long_as_what_it_is_of(made):
    """Where no cell is worse, neither the colour bar nor its words have losses."""
    grid = made(4)
    better = replace(
        grid, scores=replace(grid.scores, logprobs=np.maximum(grid.scores.logprobs, np.log(0.1)))
    )
    both, gains = (one.plot().axes[-1].get_ylim() for one in (grid, better))
    assert both[0] == -both[1]
    assert gains[0] == 0


def test_cells_that_are_not_finite_stay_so(made):
    grid = made(3, bad=(4,))
    for name in ("probability", "candidates", "logprob", "rank"):
        (view,) = views_of([grid], metric=name)
        assert np.isnan(view.values.ravel()).tolist() == [k == 4 for k in range(9)]
        assert view.best != (1, 1)


def test_what_is_not_defined_is_refused(made):
    with pytest.raises(XTransplantError, match="nothing to recover"):
        views_of([made(3)], metric="recovery")
    with pytest.raises(XTransplantError, match="there are probability, candidates"):
        made(3).by("accuracy")
