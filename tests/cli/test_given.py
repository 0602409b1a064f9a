"""Options from the environment and by the names of other harnesses, and what a log file keeps."""

import json
import re

import pyarrow.parquet as pq
import pytest

BENCH = ("bench", "-s", "attn-swap", "--langs", "sw", "--limit", "4", "--pairs", "1:1")


@pytest.fixture
def run(xtp, tmp_path):
    """A small bench of Babel: its outcome, and the run's manifest and records."""

    def call(*arguments):
        outcome = xtp(*BENCH, *arguments, "--output_path", str(tmp_path))
        assert outcome.code == 0, outcome.err
        [path] = tmp_path.glob("*/manifest.json")
        [records] = path.parent.glob("records/*/*/*.parquet")
        return outcome, json.loads(path.read_text()), pq.read_table(records).to_pylist()

    return call


def test_the_environment_gives_options_and_the_command_line_wins(xtp, monkeypatch):
    monkeypatch.setenv("XTP_JSON", "1")
    outcome = xtp("list", "tasks")
    assert json.loads(outcome.out)
    assert outcome.err == "xtp: from the environment: XTP_JSON=1\n"
    monkeypatch.setenv("XTP_SPLIT", "no-such-split")
    refused = xtp(*BENCH, "--task", "babel")
    assert refused.code == 2
    assert "no-such-split" in refused.err.splitlines()[-1]
    given = xtp(*BENCH, "--task", "babel", "--split", "nor-this")
    assert "nor-this" in given.err.splitlines()[-1]


def test_a_variable_that_is_no_option_is_named_with_the_one_that_was_meant(xtp, monkeypatch):
    monkeypatch.setenv("XTP_OUTPUTPATH", "/data")
    monkeypatch.setenv("XTP_SPLIT", "unseen")  # of another verb than this one
    outcome = xtp("list", "tasks")
    assert outcome.code == 0
    assert outcome.err.startswith("xtp: XTP_OUTPUTPATH in the environment is no option and does n")
    assert "(nearest: XTP_OUTPUT_PATH" in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_wrong_value_says_which_variable_gave_it(xtp, monkeypatch):
    monkeypatch.setenv("XTP_LIMIT", "two")
    outcome = xtp("bench", "--task", "babel", "-s", "attn-swap")
    assert outcome.code == 2
    assert "'--limit'" in outcome.err
    assert "XTP_LIMIT in the environment" in outcome.err
    assert "XTP_" not in xtp("bench", "--task", "babel", "-s", "attn-swap", "--limit", "two").err


def test_lm_eval_names_a_batch_and_a_log(run, xtp, tmp_path, monkeypatch):
    log = tmp_path / "logs" / "xtp.log"
    outcome, manifest, records = run(
        "--tasks", "babel", "--batch_size", "2", "--device", "cpu", "--log_file", str(log)
    )
    assert manifest["model"]["batch_size"] == 2
    assert len(records) == 3 * 4
    kept = log.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", line) for line in kept)
    said = [line.removeprefix("xtp: ") for line in outcome.err.splitlines()]
    assert [line.split(" ", 2)[2] for line in kept] == said
    # Gone on with: in the batches that it was begun with, and no more into that file.
    for table in ("records", "correct"):
        [path] = tmp_path.glob(f"*/{table}/*/*/*.parquet")
        path.unlink()
    again, manifest, _ = run("--tasks", "babel", "--batch-size", "3")
    assert manifest["model"]["batch_size"] == 2
    assert "was begun with a batch size of 2 and goes on so" in again.err
    assert log.read_text().splitlines() == kept


def test_a_batch_size_of_texts_is_refused(xtp):
    outcome = xtp(*BENCH, "--task", "babel", "--mode", "generate", "--batch-size", "2")
    assert outcome.code == 2
    assert "leave it out" in outcome.err


def test_a_command_that_only_refuses_keeps_that_in_its_log_too(xtp, tmp_path):
    for number, asked in enumerate((
        ("report", "no-such"), ("rescore", "no-such"), ("choose", "no-such"),
        ("fit", "no-such", "-o", "x"),
        ("export", "no-such", "--to", "inspect"), ("push", "no-such", "--to", "me/run"),
        ("lens", "-s", "no-such", "--pair", "0:0"), ("check", "no-such"),
    )):  # fmt: skip
        log = tmp_path / f"{number}.log"
        outcome = xtp(*asked, "--log-file", str(log))
        assert outcome.code == 2, asked
        assert outcome.err.splitlines()[-1].removeprefix("xtp: ") in log.read_text(), asked
