"""Grids as data."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from xtransplant import XTransplantError
from xtransplant.grid.frame import grid_document, grid_frame, grid_json, save_grid


def test_frame_has_a_row_per_cell_in_the_order_of_the_pairs(made):
    grid = made(3, 5, generated=True)
    frame = grid_frame(grid)
    assert list(zip(frame.source_layer, frame.target_layer, strict=True)) == list(grid.pairs)
    np.testing.assert_array_equal(frame["logprob: 17"], grid.scores.logprobs[:, 1])
    np.testing.assert_array_equal(frame.answer_probability, grid.probabilities().ravel())
    assert list(frame.output) == list(grid.generations.outputs)
    assert frame.correct.sum() == 1


def test_frame_leaves_out_what_was_not_asked_for(made):
    frame = grid_frame(made(2, scored=False, generated=True, answer=None, candidates=()))
    about = ["model", "strategy", "source_lang", "target_lang"]
    assert list(frame.columns) == [*about, "source_layer", "target_layer", "finite", "output"]


def test_document_says_what_the_grid_says(made):
    grid = made(2, 3, generated=True)
    document = json.loads(grid_json(grid))
    assert document == grid_document(grid)
    assert document["source"] == grid.example.source
    assert document["vanilla"]["target"]["output"] == grid.generations.vanilla
    assert document["vanilla"]["target"]["logprobs"][" 17"] == grid.scores.vanilla[1]
    assert document["best"] == {"source_layer": 1, "target_layer": 0}
    assert (document["seconds"], document["forward_passes"]) == (1.75, 23)
    for entry, cell in zip(document["cells"], grid.cells, strict=True):
        assert (entry["source_layer"], entry["target_layer"]) == (
            cell.source_layer,
            cell.target_layer,
        )
        assert entry["logprobs"] == cell.logprobs
        assert entry["output"] == cell.output
    assert {"xtransplant", "nnsight", "torch", "transformers", "python"} <= set(
        document["versions"]
    )


def test_minus_infinity_is_null_in_json(made):
    grid = made(2)
    grid.scores.logprobs[0, 1] = -np.inf
    cells = json.loads(grid_json(grid))["cells"]
    assert cells[0]["logprobs"][" 17"] is None
    assert [cell["finite"] for cell in cells] == [False, True, True, True]


def test_what_is_not_finite_and_what_changes_nothing_is_in_the_data(made):
    document = json.loads(grid_json(made(3, bad=(4,), unchanged=True)))
    assert document["not_finite"] == 1
    assert document["unchanged"]
    assert "1 of 9 cells is not finite" in document["note"]
    assert "attn-swap changes nothing" in document["note"]
    assert [cell["correct"] for cell in document["cells"]][4:7] == [False, False, True]
    frame = grid_frame(made(3, bad=(4,)))
    assert frame.finite.tolist() == [k != 4 for k in range(9)]
    assert not frame.correct[4]
    plain = json.loads(grid_json(made(3)))
    assert (plain["not_finite"], plain["unchanged"], plain["note"]) == (0, False, "")


def test_saved_files_read_back(made, tmp_path):
    grid = made(3, generated=True)
    for name in ("grid.parquet", "grid.csv", "grid.json"):
        save_grid(grid, tmp_path / name)
    frame = grid_frame(grid)
    read = pd.read_parquet(tmp_path / "grid.parquet")
    pd.testing.assert_frame_equal(read, frame)
    assert read.attrs["strategy"] == "attn-swap"
    assert "cells" not in read.attrs
    assert pd.read_csv(tmp_path / "grid.csv").shape == frame.shape
    document = json.loads((tmp_path / "grid.json").read_text())
    assert document.pop("saved")["format"] == 1
    assert document == grid_document(grid)


@pytest.mark.parametrize("name", ["grid.xlsx", "grid", "no/such/grid.csv"])
def test_a_place_that_cannot_be_written_is_an_error(made, tmp_path, name):
    with pytest.raises(XTransplantError, match=r"^--save "):
        save_grid(made(2), tmp_path / name)
