"""Pairs tried on the examples they were chosen on are told from those that were not."""

import json
from dataclasses import replace

import pytest
from small_bench import SMALL

from xtransplant import XTransplantError
from xtransplant.bench.context import RunContext
from xtransplant.bench.pairs import Chosen, choose_pairs, parse_pairs, write_chosen
from xtransplant.bench.pilot import pilot
from xtransplant.bench.plan import make_plan
from xtransplant.bench.run import bench

ONE = replace(SMALL, strategies=("ffn-swap",))


def seen(run):
    languages = run.manifest.tasks["babel"].languages
    return {lang: (one.in_sample, one.n) for lang, one in languages.items()}


@pytest.fixture(scope="module")
def first(babel_model, tmp_path_factory):
    """A run of every pair on ten pilot examples of two languages."""
    return bench(ONE, RunContext(tmp_path_factory.mktemp("runs")), model=babel_model)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"sw": (10, 10), "hi": (10, 10)}),
        ({"limit": 25}, {"sw": (10, 25), "hi": (10, 25)}),
        ({"limit": 4}, {"sw": (4, 4), "hi": (4, 4)}),
        ({"split": "unseen"}, {"sw": (0, 10), "hi": (0, 10)}),
        ({"direction": "lang-to-en"}, {"sw": (0, 10), "hi": (0, 10)}),
    ],
    ids=str,
)
def test_items_are_compared_one_by_one(first, babel_model, tmp_path, changes, expected):
    said = []
    config = replace(ONE, pairs=f"@{first.path}", **changes)
    run = bench(config, RunContext(tmp_path, say=said.append), model=babel_model)
    assert seen(run) == expected
    lines = [line for line in said if "in-sample (†)" in line]
    count = sum(hit for hit, _ in expected.values())
    assert len(lines) == bool(count)
    if count:
        total = sum(n for _, n in expected.values())
        assert f"chosen on {count} of these {total} examples" in lines[0]


def test_hand_typed_pairs_were_chosen_on_nothing(first, babel_model, tmp_path):
    assert seen(bench(replace(ONE, pairs="7:0"), RunContext(tmp_path), model=babel_model)) == {
        "sw": (0, 10), "hi": (0, 10),
    }  # fmt: skip
    assert seen(first) == {"sw": (0, 10), "hi": (0, 10)}


def test_pairs_from_who_knows_where_are_neither(babel_model, tmp_path):
    file, said = tmp_path / "saved.json", []
    file.write_text(json.dumps({"sw": [6, 1], "hi": [7, 7]}))
    config = replace(ONE, pairs=f"@{file}")
    run = bench(config, RunContext(tmp_path / "runs", say=said.append), model=babel_model)
    assert seen(run) == {"sw": (-1, 10), "hi": (-1, 10)}
    assert any("does not say on which examples" in line for line in said)


@pytest.mark.parametrize("across", [False, True])
def test_a_file_of_pairs_remembers_its_items(first, babel_model, tmp_path, across):
    chosen = choose_pairs(first.path, across=across)
    write_chosen(chosen, tmp_path / "pairs.json")
    again = parse_pairs(f"@{tmp_path / 'pairs.json'}")
    assert isinstance(again, Chosen)
    assert (again.pairs, again.items) == (chosen.pairs, chosen.items)
    assert len(again.items) == 20
    run = bench(
        replace(ONE, pairs=f"@{tmp_path / 'pairs.json'}"), RunContext(tmp_path), model=babel_model
    )
    assert seen(run) == {"sw": (10, 10), "hi": (10, 10)}


def test_a_run_without_samples_knows_its_items_too(babel_model, tmp_path):
    plain = bench(replace(ONE, log_samples=False), RunContext(tmp_path), model=babel_model)
    assert len(choose_pairs(plain.path).items) == 20


def test_a_pilots_second_run_is_held_out(babel_model, tmp_path):
    said = []
    done = pilot(ONE, RunContext(tmp_path, say=said.append), model=babel_model)
    assert seen(done.second) == {"sw": (0, 10), "hi": (0, 10)}
    assert not [line for line in said if "in-sample" in line]


def test_pairs_chosen_on_the_examples_are_another_run_than_the_same_pairs_fairly_come_by(
    first,
):
    config = replace(ONE, pairs=f"@{first.path}")
    own = choose_pairs(first.path)
    fair = replace(own, items=frozenset())
    assert make_plan(config).id == make_plan(config, chosen=own).id
    assert make_plan(config).id != make_plan(config, chosen=fair).id


@pytest.mark.parametrize(
    "document",
    [
        {"pairs": [{"task": "babel"}]},
        {"pairs": 7},
        {"pairs": [7]},
        {"items": 3, "pairs": [{"task": "a", "strategy": "b", "lang": "c", "pair": [1, 2]}]},
        {"pairs": [{"task": "a", "strategy": "b", "lang": "c", "pair": [True, 2]}]},
    ],
    ids=str,
)
def test_a_broken_file_of_pairs_is_refused(tmp_path, document):
    (tmp_path / "pairs.json").write_text(json.dumps(document))
    with pytest.raises(XTransplantError, match=r"--pairs @.*pairs\.json"):
        parse_pairs(f"@{tmp_path / 'pairs.json'}")
