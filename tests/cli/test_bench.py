"""``xtp bench``, ``pilot``, ``report``, ``runs`` and ``rescore``, as a user types them."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from stages import without_stages
from transformers import AutoTokenizer

from xtransplant.bench.config_file import config_names, read_config
from xtransplant.benchmarks.babel import CHECKPOINT

SMALL = ["--task", "babel", "--langs", "sw,hi", "--limit", "6"]


@pytest.fixture
def bench(xtp, tmp_path):
    """``xtp bench`` of a few examples into ``tmp_path/runs``."""

    def call(*arguments, small=SMALL):
        return xtp("bench", *small, "-o", str(tmp_path / "runs"), *arguments)

    return call


def only_run(tmp_path):
    (run,) = (tmp_path / "runs").iterdir()
    return str(run)


def test_a_bench_prints_its_table_and_lies_on_disk(bench, xtp, tmp_path):
    outcome = bench("--strategy", "attn-swap", "--strategy", "ffn-swap")
    assert outcome.code == 0, outcome.err
    assert "vanilla (target)" in outcome.out
    bound, null = outcome.out.partition("ffn-swap upper bound, best of 64 †")[2].splitlines()[:2]
    assert bound.count("±") == null.count("±") == 2
    assert null.startswith("  its null ")
    assert "babel pilot sw: 6 of 6 examples" in outcome.err
    assert "left in this run" in outcome.err
    listed = json.loads(xtp("runs", str(tmp_path / "runs"), "--json").out)
    assert [row["state"] for row in listed] == ["complete"]
    assert "complete" in xtp("runs", str(tmp_path / "runs")).out
    again = bench("-s", "attn-swap,ffn-swap")
    assert "examples," not in again.err
    assert again.out == outcome.out


def test_json_is_one_document(bench):
    outcome = bench("-s", "ffn-swap", "--json", "-q")
    name = "babel_en-to-lang_pilot_score_sw"
    assert json.loads(outcome.out)["results"][name]["alias"] == name
    assert outcome.err == ""


def test_a_dry_run_leaves_nothing(bench, tmp_path):
    outcome = bench("-s", "ffn-swap", "--dry-run")
    assert outcome.code == 0, outcome.err
    assert "12 (0 done already)" in outcome.out
    assert "768" in outcome.out
    for word in ("token-forwards", "on disk", "time", "packing"):
        assert word in outcome.out
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_counts_what_the_run_will_do(bench, tmp_path, monkeypatch):
    import xtransplant.bench.execute as module
    from xtransplant.runs import examples, records

    def announced():
        outcome = bench("-s", "ffn-swap", "--dry-run")
        assert outcome.code == 0, outcome.err
        rows = [re.split("  +", line, maxsplit=1) for line in outcome.out.splitlines()]
        return {name: value.replace(",", "").removeprefix("about ") for name, value in rows}

    bench("-s", "ffn-swap", "--shard", "1/2")
    told, took, compute = announced(), [], module.compute_records

    def counted(*arguments):
        found = compute(*arguments)
        took.append(found.token_forwards)
        return found

    monkeypatch.setattr(module, "compute_records", counted)
    before = records(told["run"])
    bench("-s", "ffn-swap")
    after, texts = records(told["run"]), examples(told["run"])
    assert told["run"] == only_run(tmp_path)
    # One language was done, and the other is what was left.
    assert (set(before.lang), set(after.lang)) == ({"sw"}, {"sw", "hi"})
    assert told["examples"] == f"{len(texts)} ({len(texts[texts.lang == 'sw'])} done already)"
    made = (after.strategy == "ffn-swap").sum() - (before.strategy == "ffn-swap").sum()
    assert int(told["variants"]) == made > 0
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    prompts = [text for side in ("source", "target") for text in texts[texts.lang == "hi"][side]]
    assert int(told["prompt tokens"]) == sum(map(len, tokenizer(prompts)["input_ids"]))
    assert float(told["token-forwards"]) == pytest.approx(sum(took), rel=0.2)
    done = announced()
    assert done["examples"] == "12 (12 done already)"
    assert (done["variants"], done["prompt tokens"], done["token-forwards"]) == ("0", "0", "0")


def test_report_in_every_format(bench, xtp, tmp_path):
    bench("-s", "ffn-swap")
    formats = [x for f in ("terminal", "markdown", "csv", "json", "latex") for x in ("-f", f)]
    outcome = xtp(
        "report", only_run(tmp_path), *formats, "--figures", "svg", "--output", str(tmp_path / "o")
    )
    assert outcome.code == 0, outcome.err
    written = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert [name for name in written if name.startswith("report")] == [
        "report.csv", "report.json", "report.md", "report.tex", "report.txt",
    ]  # fmt: skip
    drawn = ("heatmap", "upper-bound", "union-size", "bars", "gap", "flips")
    assert sum(name.endswith(".svg") for name in written) == len(drawn)
    assert all(any(one in name for name in written) for one in drawn)
    assert set(outcome.out.split()) == {str(tmp_path / "o" / name) for name in written}


def test_pilot_writes_pairs_and_reports_both(xtp, tmp_path):
    outcome = xtp("pilot", *SMALL, "-s", "ffn-swap", "-o", str(tmp_path / "runs"), "--upper-bound")
    assert outcome.code == 0, outcome.err
    assert "ffn-swap, pilot pairs" in outcome.out
    assert "upper bound" in outcome.out
    (pairs,) = (tmp_path / "runs").glob("*/pairs.json")
    assert {entry["lang"] for entry in json.loads(pairs.read_text())["pairs"]} == {"sw", "hi"}


def test_a_pilot_with_a_configuration_of_the_study_chooses_one_pair_across_languages(xtp, tmp_path):
    few = ["--limit", "4", "--apply-limit", "2", "--null", "none"]
    outcome = xtp(
        "pilot", "--config", "study-pilot", *SMALL, *few, "-s", "ffn-swap", "-o", str(tmp_path)
    )
    assert outcome.code == 0, outcome.err
    (chosen,) = tmp_path.glob("*/pairs-across.json")
    pairs = [tuple(one["pair"]) for one in json.loads(chosen.read_text())["pairs"]]
    assert len(pairs) == 2
    assert len(set(pairs)) == 1


def test_rescore_says_what_changed(bench, xtp, tmp_path):
    bench("-s", "ffn-swap", "--pairs", "7:0")
    outcome = xtp("rescore", only_run(tmp_path))
    assert outcome.out.endswith("36 records judged; changed: strict 0, match 0, lenient 0\n")


def test_a_configuration_file_is_the_flags(xtp, bench, tmp_path):
    file = tmp_path / "mine.yaml"
    flags = {"task": "babel", "strategy": ["ffn-swap"], "langs": ["sw", "hi"], "limit": 6,
             "output-path": str(tmp_path / "runs"), "pairs": "7:0"}  # fmt: skip
    file.write_text(yaml.safe_dump(flags))
    outcome = xtp("bench", "--config", str(file))
    assert outcome.code == 0, outcome.err
    same = bench("-s", "ffn-swap", "--pairs", "7:0")
    assert same.out == outcome.out
    only_run(tmp_path)
    # The command line wins.
    other = xtp("bench", "--config", str(file), "--limit", "5")
    assert "5 of 5 examples" in other.err


@pytest.mark.parametrize("name", config_names())
def test_the_papers_configurations_are_flags_of_their_verb(name):
    from typer.main import get_command

    from xtransplant.cli.app import app

    verb = "pilot" if name.endswith("pilot") else "bench"
    flags = [param.name for param in get_command(app).commands[verb].params]
    found = read_config(name, flags)
    assert found["task"]
    assert found["strategy"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["no strategy is given", "--strategy attn-swap"]),
        (["-s", "ffn-swap", "--langs", "tlh"], ["--langs tlh", "sw"]),
        (["-s", "ffn-swap", "--pairs", "some"], ["--pairs 'some'", "overall", "@RUN"]),
        (["-s", "ffn-swap", "--pairs", "@no.json"], ["@no.json", "No such file"]),
        (["-s", "ffn-swap", "--pairs", "9:0"], ["9:0", "layers 0 to 7"]),
        (["-s", "ffn-swap", "--split", "test"], ["no split 'test'", "pilot"]),
        (["-s", "ffn-swap", "--shard", "3/2"], ["--shard '3/2'", "1/8"]),
        (["-s", "ffn-swap", "--limit", "0"], ["--limit 0"]),
        (["-s", "ffn-swap", "-S", "weight=1"], ["-S weight=1", "no strategy here"]),
        (["-s", "ffn-swap,ffn-swaps"], ["unknown strategy 'ffn-swaps'", "nearest: ffn-swap"]),
        (["-s", "ffn-swap", "--config", "paper"], ["--config 'paper'", "paper-culture"]),
        (["-s", "ffn-swap", "--data-dir", "no/such"], ["--data-dir 'no/such'"]),
        (["-s", "ffn-swap", "--file", "no.jsonl"], ["--file 'no.jsonl'"]),
        (["-s", "ffn-swap", "--column", "answer"], ["--column 'answer'", "answer=gold"]),
        (["-s", "ffn-swap", "--memory-budget", "lots"], ["'lots' is no amount"]),
    ],
)
def test_what_is_wrong_is_one_line(bench, tmp_path, arguments, words):
    outcome = bench(*arguments)
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--task", "xquad", "--mode", "score"], ["xquad has no candidates", "--mode generate"]),
        (["--task", "file"], ["--file examples.jsonl"]),
        (["--task", "xnli", "--langs", "de"], ["facebook/xnli", "--data-dir"]),
        (["--task", ""], ["--task is empty"]),
    ],
)
def test_what_is_wrong_with_a_task_is_one_line(bench, arguments, words):
    outcome = bench("-s", "ffn-swap", "-m", "babel", *arguments, small=())
    assert outcome.code == 2, outcome
    assert len(without_stages(outcome.err)) == 1
    for word in words:
        assert word in outcome.err


def test_a_misaligned_language_is_left_out_and_said(bench, tmp_path):
    rows = []
    for lang in ("sw", "hi"):
        for k in range(60):
            body = "word " * (2 + (k * 7) % 31)
            # In Hindi every target is the one of the row before.
            m = k if lang == "sw" else (k + 59) % 60
            other = "शब्द " * (2 + (m * 7) % 31)
            rows.append({"lang": lang, "source": body, "target": other, "answer": " 1",
                         "candidates": [" 1", " 2"]})  # fmt: skip
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["--task", "file", "--file", str(file), "-s", "ffn-swap", "-m", str(CHECKPOINT),
                 "--pairs", "7:0", "--limit", "2"]  # fmt: skip
    outcome = bench(*arguments, small=())
    assert outcome.code == 0, outcome.err
    assert "file all, hi is left out" in outcome.err
    assert "rows 0 to 59" in outcome.err
    assert "hi is left out" in outcome.out
    taken = bench(*arguments, "--allow-misaligned", small=())
    assert "hi is taken as asked, though source and target" in taken.err
    assert "hi: 2 of 2" in taken.err


def test_reports_of_nothing_are_one_line(xtp, tmp_path):
    for arguments in (["report", str(tmp_path)], ["rescore", str(tmp_path)]):
        outcome = xtp(*arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert "is no run" in outcome.err
    assert "no runs in" in xtp("runs", str(tmp_path)).err
