"""Pairs by name, by number, as a pilot chose them, as the paper saved them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.bench.context import RunContext
from xtransplant.bench.pairs import list_pairs, parse_pairs
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.runs import records


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("source-last", [(3, 0), (3, 1), (3, 2), (3, 3)]),
        ("target-first", [(0, 0), (1, 0), (2, 0), (3, 0)]),
        ("diagonal", [(0, 0), (1, 1), (2, 2), (3, 3)]),
        ("2:1", [(2, 1)]),
        ("last:first,-2:-1,2:3", [(3, 0), (2, 3)]),
    ],
)
def test_pairs_by_name(text, pairs):
    assert list_pairs(parse_pairs(text), 4) == pairs


def test_overall_is_every_pair():
    assert list_pairs("overall", 3) == [(i, j) for i in range(3) for j in range(3)]


@pytest.mark.parametrize("text", ["all", "1", "1:2:3", "a:b", "", "1;2"])
def test_other_texts_are_refused(text):
    with pytest.raises(XTransplantError, match="--pairs"):
        parse_pairs(text)


def test_a_layer_too_far_is_refused():
    with pytest.raises(XTransplantError, match="layers 0 to 3"):
        list_pairs("4:0", 4)


def test_the_pilot_protocol(babel_model, tmp_path):
    said: list[str] = []
    context = RunContext(tmp_path, doing=said.append)
    done = pilot(SMALL, context, model=babel_model, upper_bound=True)
    assert [line.partition(":")[0] for line in said if line.startswith("run ")] == [
        "run 1 of 3", "run 2 of 3", "run 3 of 3",
    ]  # fmt: skip
    found = records(done.first)
    for lang in ("sw", "hi"):
        own = found[(found.lang == lang) & (found.strategy == "ffn-swap")]
        hits = own.groupby(["source_layer", "target_layer"]).match.sum()
        chosen = done.chosen.find("babel", "ffn-swap", lang)
        best = [pair for pair in hits.index if hits[pair] == hits.max()]
        assert chosen == sorted(best, key=lambda pair: (pair[1], -pair[0]))[0]
        # What the chosen pair does alone is what it does in the grid of all pairs.
        alone, grid = (
            frame[(frame.lang == lang) & (frame.strategy == "ffn-swap")]
            for frame in (records(done.second), records(done.grid))
        )
        assert set(zip(alone.source_layer, alone.target_layer, strict=True)) == {chosen}
        same = grid[(grid.source_layer == chosen[0]) & (grid.target_layer == chosen[1])]
        apart = np.stack(alone.logprobs.to_list()) - np.stack(same.logprobs.to_list())
        assert np.abs(apart).max() < 1e-4
        assert alone.match.tolist() == same.match.tolist()
    assert done.second.manifest.tasks["babel"].split == "unseen"


def test_one_pair_across_languages(babel_model, tmp_path):
    done = pilot(SMALL, RunContext(tmp_path), model=babel_model, across=True)
    pairs = {done.chosen.find("babel", "ffn-swap", lang) for lang in ("sw", "hi")}
    assert len(pairs) == 1
    found = records(done.first)
    own = found[found.strategy == "ffn-swap"]
    hits = own.groupby(["source_layer", "target_layer"]).match.sum()
    assert hits[pairs.pop()] == hits.max()


def test_the_unseen_split_has_a_limit_of_its_own(babel_model, tmp_path):
    done = pilot(SMALL, RunContext(tmp_path), apply_limit=3, model=babel_model)
    first, second = (run.manifest.tasks["babel"].languages for run in (done.first, done.second))
    assert {own.n for own in first.values()} == {SMALL.limit}
    assert {own.n for own in second.values()} == {3}
    with pytest.raises(XTransplantError, match="--apply-limit 0 leaves no example"):
        pilot(SMALL, RunContext(tmp_path), apply_limit=0, model=babel_model)


def test_written_pairs_are_read_again(babel_model, small, tmp_path):
    done = pilot(SMALL, RunContext(tmp_path), model=babel_model)
    by_run, by_file = (
        parse_pairs(f"@{path}") for path in (done.first.path, done.first.path / "pairs.json")
    )
    assert by_run.pairs == by_file.pairs == done.chosen.pairs
    # Whichever way they are named, it is the same run.
    again = small(pairs=f"@{done.first.path}", split="unseen")
    assert again.path == done.second.path


def test_pairs_as_the_paper_saved_them(small, tmp_path):
    file = tmp_path / "saved.json"
    file.write_text(json.dumps({"sw": [6, 1], "hi": [7, 7], "de": [30, 5]}))
    run = small(pairs=f"@{file}")
    assert run.manifest.pairs("attn-swap", "babel", "sw") == [(6, 1)]
    assert run.manifest.pairs("ffn-swap", "babel", "hi") == [(7, 7)]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"de": [1, 2]}, "no pair for attn-swap on babel in sw"),
        ({"sw": [30, 5], "hi": [0, 0]}, r"chose 30→5 for sw, but .* has layers 0 to 7"),
        ({"sw": [1, 2, 3]}, "should be .source layer, target layer."),
        ([], "pairs by language"),
    ],
)
def test_pairs_that_do_not_fit(small, tmp_path, document, said):
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(document))
    with pytest.raises(XTransplantError, match=said):
        small(pairs=f"@{file}")


def test_pairs_of_an_unfinished_run_are_not_taken(small):
    run = small()
    run.part_path("correct", next(run.manifest.parts())).unlink()
    with pytest.raises(XTransplantError, match="not complete"):
        parse_pairs(f"@{run.path}")


@pytest.mark.parametrize(
    ("pairs", "layers", "found"),
    [
        ("overall", ("1,3", "0:2"), [(1, 0), (1, 1), (3, 0), (3, 1)]),
        ("source-last", ("all", "-1"), [(3, 3)]),
        ("diagonal", ("0:3", "1:"), [(1, 1), (2, 2)]),
    ],
)
def test_layers_restrict_the_pairs(pairs, layers, found):
    assert list_pairs(pairs, 4, *layers) == found


def test_layers_that_leave_no_pair():
    with pytest.raises(XTransplantError, match="no layer pair in common"):
        list_pairs("source-last", 4, "0:3", "all")


def test_restricted_layers_are_part_of_a_runs_identity():
    whole = make_plan(SMALL)
    some = make_plan(replace(SMALL, source_layers="5", target_layers="0:2"))
    same = make_plan(replace(SMALL, pairs="5:0,5:1"))
    assert some.id == same.id != whole.id
    assert make_plan(replace(SMALL, source_layers="0:8", target_layers=":")).id == whole.id
