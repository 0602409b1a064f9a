"""Choosing a cell for each example: what is counted, and what may not be read."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from made_runs import PAIRS, N, make_run

from xtransplant.cli.app import run as xtp
from xtransplant.errors import XTransplantError
from xtransplant.report.per_example import choose_per_example
from xtransplant.report.per_example_shown import choices_grid, choices_json
from xtransplant.report.taught import teach
from xtransplant.report.told import tell
from xtransplant.runs import records
from xtransplant.stats import choose_pair
from xtransplant.stats.per_example import METHODS


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    pilot = make_run(folder / "pilot", source="asked before")
    return pilot, make_run(folder / "unseen", split="unseen", seed=1, source="asked later")


@pytest.fixture(scope="module")
def choices(runs):
    return choose_per_example(*(run.path for run in runs))


def told_of(run):
    return tell(run, "xnli", "ffn-swap", PAIRS, ["sw", "zh"], "match")


def test_what_is_told_and_judged_is_in_the_records(runs):
    found, rows = told_of(runs[0]), records(runs[0])
    for option, pair in ((0, None), (1 + PAIRS.index((3, 1)), (3, 1))):
        own = rows[rows.strategy == ("vanilla" if pair is None else "ffn-swap")]
        if pair is not None:
            own = own[(own.source_layer == pair[0]) & (own.target_layer == pair[1])]
        assert found.right[:, option].tolist() == own.match.tolist()
        assert found.told.answers[:, option].tolist() == own.chosen.tolist()


def test_no_method_reads_an_answer_that_it_is_counted_by(runs):
    learnt, counted = map(told_of, runs)
    found = teach(learnt, None, counted)
    turned = teach(learnt, None, replace(counted, right=~counted.right, source=~counted.source))
    assert (found.fixed == turned.fixed).all()
    assert found.models.keys() == turned.models.keys() == {"model", "blind-model"}
    for name, own in found.models.items():
        for before, after in zip(own, turned.models[name], strict=True):
            assert (before == after).all()


def test_rows_are_counted_over_all_examples_and_none_beats_the_oracle(choices, runs):
    assert [one.strategy for one in choices] == ["attn-swap", "ffn-swap"]
    for one in choices:
        rows = {row.name: row for row in one.rows}
        assert one.n == 2 * N
        assert one.items == N
        assert list(rows) == ["vanilla", "source", "fixed", "majority", "agreement", "model",
                              "blind-model", "oracle"]  # fmt: skip
        assert any("confidence is left out" in note for note in one.notes)
        for name, row in rows.items():
            assert len(row.right) == 2 * N
            if name not in ("source", "oracle"):
                assert (row.right <= rows["oracle"].right).all()
        assert choices_grid(one).lines[-1].oracle
    best = {lang: choose_pair(dict(zip(PAIRS, own.right[:, 1:].sum(0).tolist(), strict=True)))
            for lang in ("sw", "zh")
            for own in [tell(runs[0], "xnli", "ffn-swap", PAIRS, [lang], "match")]}  # fmt: skip
    counted = told_of(runs[1])
    at = [1 + PAIRS.index(best[lang]) for lang in counted.langs]
    fixed = next(row for row in choices[1].rows if row.name == "fixed")
    assert (fixed.right == counted.right[np.arange(2 * N), at]).all()


def test_the_oracle_stands_above_vanilla_by_gap_and_the_null_by_luck(choices, runs):
    found, one = told_of(runs[1]), choices[1]
    vanilla = found.right[:, 0]
    assert one.gap.value == found.right.any(axis=1).mean() - vanilla.mean()
    draws = [(found.others >> r) & 1 for r in range(8)]
    lucky = [vanilla | ((own[:, 1:] & ~own[:, :1]) > 0).any(axis=1) for own in draws]
    assert one.luck == pytest.approx(np.mean(lucky) - vanilla.mean())
    assert one.null == "judged null"


def test_examples_that_taught_are_refused(runs, tmp_path):
    pilot, _ = runs
    with pytest.raises(XTransplantError, match=r"48 of the 48 examples|24 of the 24 examples"):
        choose_per_example(pilot.path, pilot.path)
    other = make_run(tmp_path / "other", model="org/other", split="unseen", source="later still")
    with pytest.raises(XTransplantError, match="learnt on its own pilot"):
        choose_per_example(pilot.path, other.path)
    one = make_run(tmp_path / "one", pairs=[(0, 0)], split="unseen", source="later still")
    with pytest.raises(XTransplantError, match="--upper-bound"):
        choose_per_example(pilot.path, one.path)


def test_one_run_alone_is_cross_fitted(runs, capsys):
    assert xtp(["choose", str(runs[0].path)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("cross-fitted on pilot, 5 folds") == 2
    assert "too narrow" in " ".join(shown.split())
    assert "oracle †" in shown


def test_without_the_package_one_line_names_what_installs_it(runs, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert xtp(["choose", str(runs[0].path)]) == 2
    said = capsys.readouterr().err
    assert "pip install 'xtransplant[choose]'" in said
    assert len(said.strip().splitlines()) == 1


def test_json_says_what_the_table_says(choices):
    for one, found in zip(choices, json.loads(choices_json(choices)), strict=True):
        assert found["n"] == one.n
        for row in one.rows:
            own = found["methods"][row.name]
            assert own["acc"] == pytest.approx(row.right.mean())
            assert own["oracle"] == (row.name == "oracle")
            assert own.get("decided") == row.decided
            assert ("decided" in own) == (row.name in METHODS)
            assert ("calibration" in own) == (row.name in ("model", "blind-model"))


def test_what_is_left_to_vanilla_is_told_by_its_rule(choices):
    counted = 0
    for one in choices:
        notes = choices_grid(one).notes
        for row in one.rows:
            if row.model is None:
                continue
            name = {"model": "small model, calibrated:", "blind-model": "small model without"}
            (note,) = [said for said in notes if said.startswith(name[row.name])
                       and "left to vanilla, " in said]  # fmt: skip
            total, n, by_chance, by_share = map(int, re.findall(r"\b(\d+)\b(?! \+| / )", note)[:4])
            assert (total, n) == (row.abstained, len(row.right))
            assert by_chance + by_share == total
            assert by_share == sum((row.model.chosen == 0) & (row.model.flat_cells != ""))
            counted += 1
            for said in set(row.model.flat_cells) - {""}:
                assert any(said in other for other in notes)
    assert counted


def test_a_rule_says_on_how_many_examples_it_decided(choices):
    counted = 0
    for one in choices:
        grid = choices_grid(one)
        at = grid.heads.index("decided")
        for row, line in zip(one.rows, grid.lines, strict=True):
            assert bool(line.cells[at]) == (row.name in METHODS)
            if row.name not in METHODS:
                continue
            n = len(row.right)
            assert line.cells[at] == f"{row.decided} of {n}"
            (note,) = [said for said in grid.notes if said.startswith(f"{line.label}: decided on")]
            said, of, cells, itself, left = map(int, re.findall(r"\b\d+\b", note))
            assert (said, of) == (row.decided, n)
            assert cells + itself + left == n
            assert itself + left == row.abstained
            counted += 1
    assert counted
