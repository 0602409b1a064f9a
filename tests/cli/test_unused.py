"""What is empty or cannot act is one line, whatever verb it is given to; and files have pilots."""

from __future__ import annotations

import json

import pytest
from stages import without_stages

from xtransplant.benchmarks.babel import CHECKPOINT
from xtransplant.tasks.load import load_examples
from xtransplant.tasks.task import find_task

BENCH = ("bench", "-s", "ffn-swap", "-t", "babel", "--limit", "2")
TRACE = ("trace", "-s", "ffn-swap")
PROMPTS = ("--source", "a", "--target", "b", "-m", str(CHECKPOINT))


@pytest.fixture
def mine(tmp_path):
    """A file of Babel facts, two languages, twelve each."""
    file = tmp_path / "mine.jsonl"
    rows = [
        {"source": one.source, "target": one.target, "answer": one.answer, "lang": lang,
         "candidates": list(one.candidates), "part": "tune" if k % 3 else "test"}
        for lang in ("sw", "hi")
        for k, one in enumerate(load_examples(find_task("babel"), lang).examples[:12])
    ]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--langs", ""], ["--langs is empty"]),
        (["--langs", "sw,,hi"], ["--langs 'sw,,hi' has an empty name"]),
        (["-m", ""], ["--model is empty"]),
        (["-t", ""], ["--task 'babel,' has an empty name"]),
        (["-s", ""], ["--strategy 'ffn-swap,' has an empty name"]),
        (["--split", ""], ["--split is empty"]),
        (["--revision", "main"], ["--revision main", "is a folder", "leave it out"]),
        (["-m", str(CHECKPOINT), "--revision", "main"], ["--revision main", "is a folder"]),
        (["--file", "MINE"], ["does nothing for babel", "--task file"]),
        (["--column", "answer=gold"], ["--column answer=gold does nothing for babel"]),
        (["--data-dir", "FOLDER"], ["--data-dir", "does nothing for babel"]),
        (["--split-by", "part"], ["--split-by part does nothing for babel"]),
        (["--seed", "3"], ["--seed 3 does nothing for babel"]),
        (["--across"], ["--across", "--pairs overall", "@RUN"]),
        (["--across", "--pairs", "7:0"], ["--across", "--pairs 7:0", "@RUN"]),
        (["--workers", "2"], ["--workers 2", "--on ray"]),
        (["--workers", "-1"], ["--workers -1", "--on ray"]),
        (["--workers", "-1", "--on", "ray"], ["--workers -1", "1 or more"]),
        (["--jobs", "2"], ["--jobs 2", "--on ndif"]),
        (["--insecure"], ["--insecure", "--on ndif"]),
        (["--memory-budget", "1"], ["1 bytes holds nothing", "e.g. 2G"]),
        (["--shard", "1/2", "--dry-run"], ["--shard", "dry run"]),
        (["--json", "--on", "dry"], ["--json", "dry run"]),
        (["--on", "ndif", "--device-map", "auto"], ["--device-map auto", "--on ndif"]),
        (["--on", "ndif", "--tensor-parallel"], ["--tensor-parallel", "--on ndif"]),
    ],
    ids=str,
)
def test_a_bench(xtp, tmp_path, mine, arguments, words):
    given = [{"MINE": str(mine), "FOLDER": str(tmp_path)}.get(one, one) for one in arguments]
    outcome = xtp(*BENCH, "-o", str(tmp_path / "runs"), *given)
    said = without_stages(outcome.err)
    assert (outcome.code, outcome.out, len(said)) == (2, "", 1), outcome
    for word in words:
        assert word in outcome.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lang", ""], ["--lang is empty"]),
        (["-m", ""], ["--model is empty"]),
        (["--task", ""], ["--task is empty"]),
        (["--split", ""], ["--split is empty"]),
        (["--revision", "main"], ["--revision main", "is a folder"]),
        (["--file", "MINE"], ["does nothing for babel", "--task file"]),
        (["--column", "answer=gold"], ["--column answer=gold does nothing for babel"]),
        (["--data-dir", "FOLDER"], ["--data-dir", "does nothing for babel"]),
        ([*PROMPTS, "--file", "MINE"], ["--file", "--source and --target are given"]),
        ([*PROMPTS, "--data-dir", "FOLDER"], ["--data-dir", "--source and --target are given"]),
        (["--insecure"], ["--insecure", "--on ndif"]),
        (["--memory-budget", "1"], ["1 bytes holds nothing", "e.g. 2G"]),
        (["--on", "dry", "--verify"], ["--verify does nothing with --on dry"]),
        (["--on", "dry", "--json"], ["--json does nothing with --on dry"]),
        (["--on", "dry", "--save", "x.csv"], ["--save does nothing with --on dry"]),
        (["--on", "ndif", "--device-map", "auto"], ["--device-map auto", "--on ndif"]),
    ],
    ids=str,
)
def test_a_trace(xtp, tmp_path, mine, arguments, words):
    given = [{"MINE": str(mine), "FOLDER": str(tmp_path)}.get(one, one) for one in arguments]
    outcome = xtp(*TRACE, *given)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1), outcome
    for word in words:
        assert word in outcome.err


@pytest.mark.parametrize(
    ("cut", "splits", "counts"),
    [
        ([], ("pilot", "unseen"), (6, 6)),
        (["--seed", "5"], ("pilot", "unseen"), (6, 6)),
        (["--split-by", "part"], ("tune", "test"), (8, 4)),
    ],
    ids=str,
)
def test_a_pilot_on_a_file(xtp, tmp_path, mine, cut, splits, counts):
    common = ["-t", "file", "--file", str(mine), "-m", str(CHECKPOINT), "-s", "ffn-swap",
              "-o", str(tmp_path / "runs"), "--split", splits[0], *cut]  # fmt: skip
    outcome = xtp("pilot", *common, "--apply-to", splits[1], "--pairs", "7:0,0:0")
    assert outcome.code == 0, outcome.err
    assert "in-sample" not in outcome.err
    # Nothing says what is right after the source: that is not known, and has no error either.
    (source,) = [line.split() for line in outcome.out.splitlines() if "(source)" in line][:1]
    assert source == ["vanilla", "(source)", "–", "–", "–", "–", "–", "0"]
    for split, count in zip(splits, counts, strict=True):
        for lang in ("sw", "hi"):
            assert f"file {split} {lang}: {count} of {count} examples" in outcome.err
    # Tried on the half they were chosen on, they are said to be.
    (pairs,) = (tmp_path / "runs").glob("*/pairs.json")
    again = xtp("bench", *common, "--pairs", f"@{pairs}")
    assert again.code == 0, again.err
    assert "in-sample (†)" in again.err
    assert f"chosen on {2 * counts[0]} of these {2 * counts[0]} examples" in again.err
