"""A sweep is its single grids, in one pass; a view is the same cells over other axes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rich.console import Console
from tiny import EXAMPLE, tiny_checkpoint

from xtransplant import XTransplantError, find_strategy, load, strategy, transplant
from xtransplant.grid.views import views_of

WEIGHTS, SITES = (0.0, 0.25, 1.0), ("attn", "ffn")


@strategy("scaled", raw=True)
def scaled(model, i, j, *, weight: float = 1.0):
    value = model.model.layers[i].mlp.output[0, -1].clone()
    yield
    model.model.layers[j].mlp.output[0, -1] = weight * value


@pytest.fixture(scope="module")
def llama():
    return load(tiny_checkpoint("llama"))


@pytest.fixture(scope="module")
def swept(llama):
    sweep = find_strategy("blend").sweep(site=SITES, weight=WEIGHTS)
    return transplant(llama, EXAMPLE, sweep, generations=True, max_new_tokens=3)


def test_a_sweep_is_its_single_grids(llama, swept):
    sweep = find_strategy("blend").sweep(site=SITES, weight=WEIGHTS)
    assert [grid.strategy for grid in swept.grids] == list(map(str, sweep.strategies))
    for grid, one in zip(swept.grids, sweep.strategies, strict=True):
        alone = transplant(llama, EXAMPLE, one, generations=True, max_new_tokens=3)
        assert np.abs(alone.scores.logprobs - grid.scores.logprobs).max() < 1e-5
        assert alone.scores.top_tokens == grid.scores.top_tokens
        for name in ("unchanged", "vanilla", "source", "finite"):
            np.testing.assert_array_equal(getattr(alone.scores, name), getattr(grid.scores, name))
        for name in ("counts", "written_norm", "replaced_norm"):
            pair = (getattr(found.scores.writes, name) for found in (alone, grid))
            np.testing.assert_allclose(*pair, rtol=1e-5)
        texts = alone.generations, grid.generations
        assert texts[0].token_ids == texts[1].token_ids
        assert texts[0].unchanged == texts[1].unchanged


def test_the_prompt_runs_once_for_all_values(llama, swept):
    alone = transplant(llama, EXAMPLE, "blend")
    assert {grid.scores.forward_passes for grid in swept.grids} == {alone.forward_passes}
    total = sum(grid.scores.token_forwards for grid in swept.grids)
    assert total < len(swept.grids) * alone.token_forwards


def test_a_raw_sweep_is_its_single_grids(llama):
    sweep = scaled.sweep(weight=[0, 1])
    found = transplant(llama, EXAMPLE, sweep, source_layers=[1], target_layers=[2])
    alone = transplant(llama, EXAMPLE, scaled, source_layers=[1], target_layers=[2])
    np.testing.assert_array_equal(found.grids[1].scores.logprobs, alone.scores.logprobs)
    assert not np.array_equal(found.grids[0].scores.logprobs, alone.scores.logprobs)


def test_the_table_has_a_column_for_each_option(swept):
    frame = swept.to_frame()
    names = ["site", "weight", "when", "through"]
    about = ["model", "strategy", "source_lang", "target_lang"]
    assert list(frame.columns[:10]) == [*names, *about, "source_layer", "target_layer"]
    assert len(frame) == len(SITES) * len(WEIGHTS) * 16
    at = (frame.site == "ffn") & (frame.weight == 0.25)
    np.testing.assert_array_equal(
        frame[at].answer_probability, swept.grids[4].to_frame().answer_probability
    )
    document = json.loads(json.dumps(swept.to_dict()))
    assert document["swept"] == {"site": list(SITES), "weight": list(WEIGHTS)}
    options = [cell["options"] for cell in document["cells"]]
    assert options == frame[names].to_dict("records")
    best = frame.answer_probability.max()
    chosen = frame[(frame.site == document["best"]["options"]["site"])
                   & (frame.weight == document["best"]["options"]["weight"])
                   & (frame.source_layer == document["best"]["source_layer"])
                   & (frame.target_layer == document["best"]["target_layer"])]  # fmt: skip
    assert chosen.answer_probability.tolist() == [best]


@pytest.mark.parametrize("axes", [("i", "j"), ("weight", "site"), ("j", "weight"), ("site", "i")])
def test_views_hold_the_cells_of_the_table(llama, axes):
    layers = {"source_layers": [1, 3], "target_layers": [0, 2]}
    layers |= {} if "i" in axes else {"source_layers": [3]}
    layers |= {} if "j" in axes else {"target_layers": [2]}
    sweep = find_strategy("blend").sweep(site=SITES, weight=WEIGHTS)
    found = transplant(llama, EXAMPLE, sweep, **layers).over(*axes)
    frame = found.to_frame().rename(columns={"source_layer": "i", "target_layer": "j"})
    seen, best = 0, max(view.worth for view in found.views)
    for view in found.views:
        assert (view.rows.name, view.columns.name) == axes
        for row, down in enumerate(view.rows.values):
            for column, across in enumerate(view.columns.values):
                where = {**dict(view.fixed), axes[0]: down, axes[1]: across}
                cell = frame.loc[(frame[list(where)] == list(where.values())).all(axis=1)]
                assert cell.answer_probability.tolist() == [view.values[row, column]]
                assert cell.correct.tolist() == [view.correct[row, column]]
                seen += 1
        assert view.worth == view.values.max()
    assert seen == len(frame)
    assert best == frame.answer_probability.max()


def test_over_layers_a_view_is_the_grid(made):
    for grid in (made(3, 5), made(3, 5, generated=True, scored=False), made(4, bad=(12,))):
        (view,) = views_of([grid])
        cell = grid.best()
        at = (
            grid.source_layers.index(cell.source_layer),
            grid.target_layers.index(cell.target_layer),
        )
        assert view.best == at
        assert view.best_name == f"{cell.source_layer}→{cell.target_layer}"
        np.testing.assert_array_equal(view.finite, grid.finite)


def test_a_sweep_is_shown_over_any_two_axes(swept, tmp_path):
    console = Console(width=100, record=True)
    console.print(swept)
    text = console.export_text()
    assert text.count("source layer ↓   target layer →") == len(SITES) * len(WEIGHTS)
    assert "site=attn, weight=0.25\n" in text
    assert f"best of {len(SITES) * len(WEIGHTS) * 16}: site=" in text
    assert "blend(weight=0.0) changes nothing" in text
    figure = swept.plot(tmp_path / "swept.png")
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [f"site={site}, weight={weight}" for site in SITES for weight in WEIGHTS]


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (("weight", "weight"), "name weight twice"),
        (("head", "j"), "'head' is neither i nor j nor an option that is swept"),
    ],
)
def test_axes_that_are_none(swept, axes, words):
    with pytest.raises(XTransplantError, match=words):
        swept.over(*axes)


def test_layers_that_are_no_axis_are_fixed(swept):
    with pytest.raises(XTransplantError, match="leave i open over 4 source layers: fix it"):
        print(swept.over("weight", "j").views)
