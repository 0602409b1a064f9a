"""``xtp trace`` on the golden checkpoints."""

from __future__ import annotations

import io
import json
import re
import sys

import pandas as pd
import pytest
from tiny import tiny_checkpoint

from xtransplant import Example, find_strategy, load, transplant

CANDIDATES = ("--candidates", " (1)", "--candidates", " (2)", "--answer", " (2)")


@pytest.fixture(scope="module")
def model(request):
    return load(request.path.parents[1] / "golden" / "llama")


def without_time(document):
    return {key: value for key, value in document.items() if key not in ("seconds", "model")}


def test_json_is_the_document_of_the_librarys_grid(traced, model):
    outcome = traced(*CANDIDATES, "--generate", "--json", "--max-new-tokens", "3")
    assert (outcome.code, outcome.err) == (0, "")
    example = Example("How many?", "Ngapi?", (" (1)", " (2)"), " (2)")
    grid = transplant(model, example, "attn-swap", generations=True, max_new_tokens=3)
    assert without_time(json.loads(outcome.out)) == without_time(grid.to_dict())


def test_layers_and_options_reach_the_grid(traced, model):
    outcome = traced(
        *CANDIDATES, "--json", "--source-layers", "0:4:2", "--target-layers", "-1",
        "-S", "weight=0.25", "-S", "site=attn", strategy="blend",
    )  # fmt: skip
    document = json.loads(outcome.out)
    assert document["strategy"] == "blend(site=attn, weight=0.25)"
    pairs = [(cell["source_layer"], cell["target_layer"]) for cell in document["cells"]]
    assert pairs == [(0, 3), (2, 3)]
    blend = find_strategy("blend").with_options({"weight": 0.25, "site": "attn"})
    example = Example("How many?", "Ngapi?", (" (1)", " (2)"), " (2)")
    grid = transplant(model, example, blend, source_layers=[0, 2], target_layers=[3])
    assert document["cells"] == grid.to_dict()["cells"]


def test_candidates_that_are_likely_not_meant_are_told(traced):
    given = ("--json", "--candidates", "moja", "--candidates", " mbili")
    said = traced(*given, "--answer", " mbili").err.splitlines()
    assert len(said) == 1
    assert "'Ngapi?moja'" in said[0]
    assert traced(*given).err.splitlines() == [
        *said,
        "xtp: no answer is given; its probability in each cell: --answer 'moja'",
    ]


def test_one_or_the_other_or_both(traced):
    def kinds(*arguments):
        cell = json.loads(traced("--json", "--max-new-tokens", "2", *arguments).out)["cells"][0]
        return "logprobs" in cell, "output" in cell

    assert kinds() == (True, False)
    assert kinds("--generate") == (False, True)
    assert kinds("--generate", "--score") == (True, True)
    assert kinds("--generate", "--candidates", " a") == (True, True)


def test_prompts_come_from_files_and_standard_input(traced, tmp_path, monkeypatch):
    (tmp_path / "source.txt").write_text("two\nlines\n\n", encoding="utf-8")
    (tmp_path / "answers.txt").write_text(" ja\n hapana\n", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("swali\n"))
    outcome = traced(
        "--source", f"@{tmp_path}/source.txt", "--target", "-",
        "--candidates", f"@{tmp_path}/answers.txt", "--json",
    )  # fmt: skip
    document = json.loads(outcome.out)
    assert (document["source"], document["target"]) == ("two\nlines\n", "swali")
    assert document["candidates"] == [" ja", " hapana"]


def test_saved_and_plotted(traced, tmp_path):
    saved, plotted = tmp_path / "grid.parquet", tmp_path / "grid.png"
    outcome = traced(*CANDIDATES, "--save", str(saved), "--plot", str(plotted))
    assert outcome.code == 0
    frame = pd.read_parquet(saved)
    assert len(frame) == 16
    assert f"{frame.answer_probability.max():.1e}" in outcome.out
    assert plotted.read_bytes().startswith(b"\x89PNG")
    assert outcome.err == f"xtp: cells in {saved}\nxtp: heatmap in {plotted}\n"


def test_verify_says_how_exact_the_grid_is(traced):
    outcome = traced(*CANDIDATES, "--verify")
    assert outcome.code == 0
    assert outcome.out.splitlines()[-1].endswith(": exact")
    assert json.loads(traced(*CANDIDATES, "--verify", "--json").out)


def test_verify_fails_where_the_grid_is_not_exact(traced, monkeypatch):
    monkeypatch.setattr("xtransplant.grid.check.GridCheck.agrees", False)
    outcome = traced(*CANDIDATES, "--verify")
    assert outcome.code == 1
    assert "NOT EXACT" in outcome.out


def test_a_users_own_strategy_file(traced, tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        "from xtransplant import strategy\n\n"
        "@strategy('halved')\ndef halved(source, target, i, j):\n"
        "    target.ffn[j] = 0.5 * source.ffn[i]\n"
    )
    outcome = traced(strategy=str(path))
    assert outcome.code == 0
    assert outcome.out.startswith("halved   golden/llama")


def test_a_task_gives_the_example(xtp, golden):
    outcome = xtp(
        "trace", "-s", "ffn-swap", "-m", str(golden / "qwen2"), "--lang", "ar", "--example", "2",
        "--source-layers", "1", "--target-layers", "1", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert (document["source_lang"], document["target_lang"]) == ("en", "ar")
    assert document["answer"] in document["candidates"]


def test_verbose_says_what_it_does_on_stderr(traced):
    outcome = traced("-v")
    assert outcome.code == 0
    assert "xtp: loading" in outcome.err
    assert "xtp:" not in outcome.out


def test_a_dry_trace_leaves_out_and_refuses_what_a_trace_does(xtp):
    asked = ["trace", "-s", "attn-swap", "-m", tiny_checkpoint("nemotron_h"), "--on", "dry",
             "--source", "One?", "--target", "Moja?", "--candidates", " 1"]  # fmt: skip
    every = xtp(*asked)
    assert every.code == 0
    assert re.search(r"^variants +4$", every.out, re.MULTILINE)
    assert "12 of 16 layer pairs do not exist and are left out" in every.out
    named = xtp(*asked, "--source-layers", "0", "--target-layers", "0,1")
    assert (named.code, named.out) == (2, "")
    assert "target.attn[1]: layer 1 is a mlp layer" in named.err
