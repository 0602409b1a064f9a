"""Whatever is wrong with the input is one clear line on stderr, exit code 2, and nothing is lost.

The inputs are tables, one file for each kind, in ``bad_inputs``.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from stages import without_stages

sys.path.insert(0, str(Path(__file__).parent))
from bad_inputs import arguments, files, fits, models, runs, strategies

LLAMA = str(Path(__file__).parents[1] / "golden" / "llama")
XTP = [sys.executable, "-c", "from xtransplant.cli import main; main()"]
ROWS = [row for kind in (arguments, files, fits, models, runs, strategies) for row in kind.ROWS]
# Marks that turn the direction of text, and what ends a line though it does not look like it.
ACTING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder, to the byte."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink()
    }


@pytest.fixture(scope="session")
def loaded():
    """One tiny model for all rows that get as far as loading it."""
    from xtransplant import load

    return load(LLAMA)


@pytest.fixture
def one_model(loaded, monkeypatch):
    from xtransplant.bench import load as module

    real = module.load

    def load(name, **options):
        usual = all(value in (None, False, "auto") for value in options.values())
        return loaded if name == LLAMA and usual else real(name, **options)

    monkeypatch.setattr(module, "load", load)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


@pytest.mark.parametrize("row", ROWS, ids=[row.id.replace(" ", "-") for row in ROWS])
def test_bad_input(row, xtp, here, one_model, monkeypatch):
    for name, content in row.files.items():
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        (here / name).write_bytes(raw)
    if row.make is not None:
        row.make(here)
    monkeypatch.setattr(sys, "stdin", io.StringIO(row.stdin))
    before = contents(here)
    outcome = xtp(*(LLAMA if argument == "LLAMA" else argument for argument in row.command))
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("xtp: ")
    assert outcome.err.endswith("\n")
    (line,) = without_stages(outcome.err)
    assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")], line
    assert not ACTING & set(line)
    assert len(line) < 1500
    for word in row.words:
        assert word in line
    for noise in ("Traceback", "codec", "(char ", "unexpected "):
        assert noise not in line.replace("unexpected extra", "")
    assert contents(here) == before


def test_there_are_as_many_as_were_asked_for():
    assert len({row.id for row in ROWS}) == len(ROWS) >= 140


def test_debug_shows_where(xtp):
    outcome = xtp("trace", "-s", "atn-swap", "--debug")
    assert outcome.code == 2
    assert "Traceback" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("xtp: unknown strategy")


def test_a_fault_of_the_program_is_one_line_too(traced, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("xtransplant.bench.load.load", broken)
    outcome = traced()
    assert outcome.code == 1
    assert outcome.err == (
        "xtp: unexpected RuntimeError: first second; run again with --debug to see where\n"
    )


def test_ctrl_c_in_the_library(traced, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("xtransplant.bench.load.load", interrupted)
    outcome = traced()
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "xtp: interrupted\n")


LOOPS = {
    "bare": "while True: pass",
    "that catches everything": "while True:\n        try:\n            while True: pass\n"
    "        except Exception: pass",
}


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_an_endless_loop_while_recording(xtp, here, monkeypatch, loop):
    monkeypatch.setattr("xtransplant.strategies.definition.RECORDING_SECONDS", 0.3)
    handler = signal.getsignal(signal.SIGALRM)
    head = "from xtransplant import strategy\n@strategy('own')\ndef own(source, target, i, j):\n"
    (here / "own.py").write_text(f"{head}    {loop}\n")
    outcome = xtp("show", "own.py")
    assert outcome.code == 2
    assert "strategy own is still recording after 0.3 s" in outcome.err
    assert "own.py line " in outcome.err
    assert outcome.err.count("\n") == 1
    assert signal.getsignal(signal.SIGALRM) == handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_grid_is_printed_though_its_file_cannot_be_written(traced, here, monkeypatch):
    def full(grid, path=None):
        raise OSError(28, "No space left on device")

    (here / "x.csv").write_text("kept")
    monkeypatch.setattr("xtransplant.grid.grid.grid_frame", full)
    outcome = traced("--save", "x.csv")
    assert outcome.code == 2
    assert "without a transplant" in outcome.out
    assert "--save 'x.csv' cannot be written: No space left on device" in outcome.err
    assert contents(here) == {"x.csv": b"kept"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_standard_output_that_takes_nothing():
    with open("/dev/full", "w") as full:
        said = subprocess.run([*XTP, "list", "tasks"], stdout=full, stderr=-1, check=False)
    assert said.returncode == 2
    assert said.stderr.decode() == (
        "xtp: cannot write to standard output: No space left on device; send it to another place\n"
    )


def test_standard_output_that_is_closed():
    said = subprocess.run(
        [*XTP, "list", "tasks"], stderr=-1, check=False, preexec_fn=lambda: os.close(1)
    )
    assert said.returncode == 2
    assert said.stderr.startswith(b"xtp: standard output is closed")
    assert said.stderr.count(b"\n") == 1


@pytest.mark.parametrize("moment", ["xtransplant.cli.app", "typer", "numpy", "torch"])
def test_ctrl_c_during_imports(moment):
    # Python says each module that it is about to run; the signal falls into the middle of it.
    code = (
        "import sys, os, signal, importlib.abc\n"
        "class Press(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {moment!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Press())\n"
        "sys.argv = ['xtp', 'trace', '-s', 'none']\n"
        "from xtransplant.cli import main\n"
        "main()\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (130, b"", b"xtp: interrupted\n")


def test_the_entry_imports_next_to_nothing():
    """Until it is imported, Ctrl-C is Python's own."""
    code = "import sys; a = set(sys.modules); import xtransplant.cli; print(set(sys.modules) - a)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "typer" not in said.stdout
    assert "xtransplant.errors" not in said.stdout
