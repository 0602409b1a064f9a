"""Runs that an earlier arrangement of the code wrote still open, go on and report.

``tests/old_runs`` was written by ``xtp bench`` at commit bfee95f: a complete run that scores, and
one that generates, of which one part of two is there. Beside each lies what ``xtp report --format
json`` printed of it then.
"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from xtransplant.runs import open_run, records

OLD = Path(__file__).parents[1] / "old_runs"
COMPLETE, BEGUN = "babel-pilot-645e146534", "babel-pilot-0ff464863c"
COMMANDS = {
    COMPLETE: ["--strategy", "attn-swap,ffn-swap", "--langs", "sw,zh", "--limit", "12",
               "--pairs", "diagonal"],
    BEGUN: ["--strategy", "attn-swap", "--langs", "sw", "--limit", "20", "--mode", "generate",
            "--pairs", "last:first,1:2", "--max-new-tokens", "4"],
}  # fmt: skip


@pytest.fixture
def old(tmp_path):
    """The old runs, where they can be written to."""
    shutil.copytree(OLD, tmp_path, dirs_exist_ok=True)
    return tmp_path


def bench(xtp, folder, name, *more):
    # Whatever other versions of Python or torch this is run under: the numbers are what is asked.
    command = ["bench", "--task", "babel", *COMMANDS[name], "-o", str(folder), *more]
    done = xtp(*command, "--accept-versions")
    assert done.code == 0, done.err
    return done


def tables(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.parquet")}


def check_still_said(then, now, place=""):
    """All that a report said then it says now; it may say more."""
    assert type(then) is type(now), place
    if isinstance(then, dict):
        for key, value in then.items():
            assert key in now, f"{place}/{key}"
            check_still_said(value, now[key], f"{place}/{key}")
    elif isinstance(then, list):
        assert len(then) == len(now), place
        for k, (one, other) in enumerate(zip(then, now, strict=True)):
            check_still_said(one, other, f"{place}/{k}")
    elif isinstance(then, float):
        assert now == pytest.approx(then, rel=1e-9), place
    else:
        assert now == then, place


@pytest.mark.parametrize("name", [COMPLETE, BEGUN])
def test_an_old_run_reports_what_it_reported(xtp, name):
    found = xtp("report", str(OLD / name), "--format", "json")
    assert found.code == 0, found.err
    then = json.loads((OLD / f"{name}.report.json").read_text())
    check_still_said(then["results"], json.loads(found.out)["results"])


def test_a_complete_old_run_is_found_by_its_command_and_left_as_it_is(xtp, old):
    before = tables(old / COMPLETE)
    bench(xtp, old, COMPLETE)
    assert [path.name for path in sorted(old.iterdir()) if path.is_dir()] == [BEGUN, COMPLETE]
    assert tables(old / COMPLETE) == before


def test_an_old_run_goes_on_where_it_was_left(xtp, old, tmp_path):
    before = tables(old / BEGUN)
    bench(xtp, old, BEGUN)
    run = open_run(old / BEGUN)
    assert run.manifest.state == "complete"
    after = tables(run.path)
    assert {path: after[path] for path in before} == before
    assert len(after) == 2 * len(before)
    # What it went on with is what a new run says.
    bench(xtp, tmp_path / "new", BEGUN)
    columns = ["example", "strategy", "source_layer", "target_layer", "output", "match"]
    found = records(run)
    pd.testing.assert_frame_equal(
        found[columns], records(open_run(tmp_path / "new" / BEGUN))[columns]
    )


def test_an_old_run_is_judged_again(xtp, old):
    before = records(open_run(old / COMPLETE))
    done = xtp("rescore", str(old / COMPLETE))
    assert done.code == 0, done.err
    after = records(open_run(old / COMPLETE))
    # What was not asked when it was begun.
    sets = [name for name in after if name.startswith("set_") or name == "chosen"]
    assert before[sets].isna().all(axis=None)
    assert after[sets].notna().all(axis=None)
    pd.testing.assert_frame_equal(
        after[before.columns].drop(columns=sets), before.drop(columns=sets)
    )
    assert "the gap is not known" in xtp("report", str(old / BEGUN)).out
    assert "gap mended" in xtp("report", str(old / COMPLETE)).out
