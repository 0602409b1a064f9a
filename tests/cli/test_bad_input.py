"""Whatever is wrong with the input is one line on stderr, exit code 2, and nothing on stdout."""

from __future__ import annotations

import io
import sys

import pytest


def refused(outcome, *words):
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("xtp: ")
    assert outcome.err.count("\n") == 1
    assert outcome.err.endswith("\n")
    for word in words:
        assert word in outcome.err


def strategy_file(tmp_path, text):
    path = tmp_path / "own.py"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--strategy", "xtp trace --help"]),
        (["-s", "atn-swap"], ["unknown strategy 'atn-swap'", "nearest: attn-swap"]),
        (["--strateg", "none"], ["--strateg", "nearest: --strategy", "xtp trace --help"]),
        (["-s", "none", "--max-new-tokens", "many"], ["--max-new-tokens", "integer"]),
        (["-s", "none", "--direction", "up"], ["up", "en-to-lang"]),
        (["-s", "no/such.py"], ["no strategy file 'no/such.py'"]),
        (["-s", "blend", "-S", "weight=much"], ["weight='much'", "a number"]),
        (["-s", "blend", "-S", "site=knee"], ["site='knee'", "attn, ffn"]),
        (["-s", "blend", "-S", "wieght=1"], ["wieght", "nearest: weight"]),
        (["-s", "blend", "-S", "weight"], ["'weight' should be name=value"]),
        (["-s", "none", "--task", "bable"], ["unknown task 'bable'", "babel"]),
        (["-s", "none", "--lang", "tlh"], ["tlh", "sw"]),
        (["-s", "none", "--split", "x"], ["'x'", "pilot"]),
        (["-s", "none", "--example", "99999"], ["99999", "0 to "]),
        (["-s", "none", "--answer", " 7"], ["' 7' is none of the candidates"]),
        (["-s", "none", "--source", "a"], ["--target is missing"]),
        (["-s", "none", "--target", "a"], ["--source is missing"]),
        (["-s", "none", "--source", "a", "--target", "b"], ["--model"]),
        (["-s", "none", "--source", "a", "--target", "b", "--lang", "sw"], ["--lang sw"]),
        (["-s", "none", "--source", "-", "--target", "-"], ["both be standard input"]),
        (["-s", "none", "--source", " ", "--target", "b"], ["--source is empty"]),
        (["-s", "none", "--source", "@no.txt", "--target", "b"], ["'@no.txt'", "No such file"]),
        (["-s", "none", "--candidates", "@no.txt"], ["--candidates '@no.txt'"]),
        (["-s", "none", "--source-layers", "few"], ["--source-layers 'few'", "0:32:2"]),
        (["-s", "none", "--target-layers", "1-3"], ["--target-layers '1-3'", "0:32:2"]),
        (["-s", "none", "--plot", "no/such/grid.png"], ["--plot", "no folder", "mkdir -p no/such"]),
        (["-s", "none", "--plot", "grid.gif"], ["--plot 'grid.gif'", ".png or .svg or .pdf"]),
        (["-s", "none", "--save", "grid.xlsx"], ["--save 'grid.xlsx'", ".parquet"]),
        (["-s", "none", "-m", "./no/such/model"], ["'./no/such/model'", "config.json"]),
    ],
)  # fmt: skip
def test_what_can_be_seen_before_a_model_is_loaded(xtp, arguments, words):
    refused(xtp("trace", *arguments), *words)


@pytest.mark.parametrize("verb", [["lsit"], ["list"], ["list", "things"], ["show"], ["show", "x"]])
def test_the_other_verbs(xtp, verb):
    refused(xtp(*verb))


def test_an_unreadable_model(traced, tmp_path):
    refused(traced("--model", str(tmp_path)), str(tmp_path), "config.json")


@pytest.mark.parametrize(
    ("layers", "word"),
    [("4", "0 to 3"), ("0:32:2", "0 to 3"), ("1,-5", "0 to 3"), ("3:1", "out of range")],
)
def test_layers_that_the_model_has_not(traced, layers, word):
    refused(traced("--source-layers", layers), f"--source-layers {layers!r}", word)


def test_a_strategy_file_that_fails_to_import(traced, tmp_path):
    path = strategy_file(tmp_path, "import no_such_module\n")
    refused(traced(strategy=path), path, "line 1", "no_such_module")


def test_a_strategy_file_without_a_strategy(traced, tmp_path):
    path = strategy_file(tmp_path, "x = 1\n")
    refused(traced(strategy=path), "defines no strategy")


@pytest.mark.parametrize(
    ("body", "word"),
    [("pass", "records no edit"), ("target.attn[j + 9] = source.attn[i]", "out of range")],
)
def test_a_strategy_that_records_nothing_or_too_much(traced, tmp_path, body, word):
    head = "from xtransplant import strategy\n@strategy('own')\ndef own(source, target, i, j):\n"
    text = f"{head}    {body}\n"
    refused(traced(strategy=strategy_file(tmp_path, text)), "own", word)


def test_a_prompt_longer_than_the_context(traced):
    refused(traced("--source", "word " * 5000, "--target", "a"), "tokens", "at most")


def test_a_candidate_that_makes_no_token(traced):
    refused(traced("--candidates", "", "--candidates", " b"), "candidate ''", "no token")


def test_a_chat_template_that_is_not_there(traced):
    refused(traced("--apply-chat-template"), "chat template", "--apply-chat-template")


def test_a_file_that_is_not_text(traced, tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_bytes(b"\xff\xfe\x00")
    refused(traced("--source", f"@{path}", "--target", "a"), str(path), "UTF-8")


def test_empty_standard_input(traced, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    refused(traced("--source", "-", "--target", "a"), "--source is empty")


def test_debug_shows_where(xtp):
    outcome = xtp("trace", "-s", "atn-swap", "--debug")
    assert outcome.code == 2
    assert "Traceback" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("xtp: unknown strategy")


def test_a_fault_of_the_program_is_one_line_too(traced, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("xtransplant.model.load.load", broken)
    outcome = traced()
    assert outcome.code == 1
    assert outcome.err == (
        "xtp: unexpected RuntimeError: first second; run again with --debug to see where\n"
    )


def test_ctrl_c_in_the_library(traced, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("xtransplant.model.load.load", interrupted)
    outcome = traced()
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "xtp: interrupted\n")
