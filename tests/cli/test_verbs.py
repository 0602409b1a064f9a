"""``xtp list``, ``xtp show``, the page of docs, and the process as a shell sees it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
import raw_cases

from xtransplant import __version__, find_strategy
from xtransplant.cli.docs import page
from xtransplant.model.family_table import FAMILIES
from xtransplant.strategies import strategy_names

XTP = [sys.executable, "-c", "from xtransplant.cli import main; main()"]
DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def test_lists_hold_everything(xtp):
    def names(kind):
        return {row["name"] for row in json.loads(xtp("list", kind, "--json").out)}

    assert names("strategies") == set(strategy_names())
    assert names("families") == set(FAMILIES)
    assert "babel" in names("tasks")
    assert {"sw", "zh", "ar"} <= names("languages")


@pytest.mark.parametrize("kind", ["strategies", "tasks", "families", "languages"])
def test_lists_are_one_line_each(xtp, kind):
    outcome = xtp("list", kind)
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) == len(json.loads(xtp("list", kind, "--json").out))


def test_a_strategy_is_listed_with_its_formula(xtp):
    rows = {row["name"]: row for row in json.loads(xtp("list", "strategies", "--json").out)}
    assert rows["ffn-swap"]["formula"] == "ffn_j(target)[last] := ffn_i(source)[last]"
    lines = xtp("list", "strategies").out.splitlines()
    assert any(re.fullmatch(r"ffn-swap +ffn_j\(target\)\[last\] := .*", line) for line in lines)


def test_show_says_that_a_raw_strategy_records_nothing(xtp):
    shown = xtp("show", f"{raw_cases.__file__}:raw-blend").out
    assert "raw: runs inside the traces of one variant" in shown
    assert "-S weight=0.5  (float)" in shown
    about = json.loads(xtp("show", f"{raw_cases.__file__}:uphill", "--json").out)
    assert about["raw"]
    assert about["records"] == []


def test_show_gives_docstring_formula_and_options(xtp):
    text = xtp("show", "blend").out
    assert find_strategy("blend").doc in text
    assert "target.ffn[j] = 0.5 * target.ffn[j] + 0.5 * source.ffn[i]" in text
    assert "-S weight=0.5  (float)" in text
    assert json.loads(xtp("show", "attn-swap", "--json").out)["records"] == [
        "target.attn[j] = source.attn[i]"
    ]


def test_no_verb_is_cut_off_in_the_list_of_them(xtp, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = xtp("--help").out.partition("Commands:")[2]
    assert {"trace", "doctor"} <= {line.split()[0] for line in shown.splitlines() if line}
    assert "..." not in shown


def test_version_and_help(xtp):
    shown = xtp("--version").out.splitlines()
    assert shown[0] == f"xtp {__version__}"
    assert [line.split()[0] for line in shown[1:]] == ["python", "torch", "transformers", "nnsight"]
    assert f"torch {version('torch')}" in shown
    for arguments in ((), ("--help",), ("-h",), ("trace", "--help")):
        outcome = xtp(*arguments)
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.startswith("Usage: xtp")


def test_the_page_of_docs_is_the_program():
    assert DOCS.read_text(encoding="utf-8") == page(), (
        "run: python -m xtransplant.cli.docs > docs/cli.md"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["trace", "--help"],
        ["--version"],
        ["list", "strategies"],
        ["list", "tasks"],
        ["show", "blend"],
        ["trace", "-s", "no-such-strategy"],
    ],
)
def test_nothing_heavy_is_imported_for_it(arguments):
    code = (
        "import sys\nfrom xtransplant.cli.app import run\n"
        f"run({arguments!r})\n"
        "heavy = {'torch', 'transformers', 'nnsight', 'matplotlib', 'pandas'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_process_ends_with_the_code(golden):
    done = subprocess.run([*XTP, "show", "nothing"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"xtp: unknown strategy 'nothing'.*\n", done.stderr)


def test_the_module_is_the_command():
    found = subprocess.run(
        [sys.executable, "-m", "xtransplant", "show", "nothing"], capture_output=True, text=True
    )
    assert found.returncode == 2
    assert found.stderr.startswith("xtp: unknown strategy 'nothing'")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("xtp bench --strategy attn-s", ["attn-swap", "attn-swap-official"]),
        ("xtp bench --strategy none,attn-swap-", ["none,attn-swap-official"]),
        ("xtp bench --task bab", ["babel"]),
        ("xtp show ffn-s", ["ffn-swap"]),
        ("xtp benc", ["bench"]),
    ],
)
def test_a_shell_completes_names(xtp, monkeypatch, line, expected):
    monkeypatch.setenv("_XTP_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    outcome = xtp()
    assert (outcome.code, outcome.out.split()) == (0, expected)


def test_ctrl_c_is_one_line_and_130():
    # A prompt is read from standard input, which stays open: there it waits to be interrupted.
    process = subprocess.Popen(
        [*XTP, "trace", "-s", "none", "-m", "x", "--source", "-", "--target", "b"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not _waits_for_input(process.pid):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "xtp: interrupted\n")


def _waits_for_input(pid: int) -> bool:
    """Whether the process sleeps in a read of its standard input."""
    call = Path(f"/proc/{pid}/syscall")
    if not call.exists():
        time.sleep(3)
        return True
    try:
        # The number of read(2) differs by architecture; file descriptor 0 is its first argument.
        number, *arguments = call.read_text().split()
    except OSError:
        return False
    read = "63" if os.uname().machine == "aarch64" else "0"
    return number == read and arguments[0] == "0x0"
