"""What is said beside the results: names are shown there too, and not obeyed."""

import json
import logging
import re
import sys
import time

import pytest

from xtransplant.bench.progress import Progress
from xtransplant.cli import progress
from xtransplant.cli.progress import Lines, listen

ACTING = "x\x1b[2J\u202ey\x9b1m\u2028\ud800"
SHOWN = "x\\x1b[2J\\u202ey\\x9b1m\\u2028\\ud800"
# What moves the cursor, empties a line, colours, and shows or hides the cursor.
DRAWING = re.compile(r"\x1b\[(\d*[ABCGK]|[\d;]*m|\?25[lh])|\r")


class Screen:
    """A terminal, or another stream, that keeps what it is given."""

    def __init__(self, terminal):
        self.text = ""
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.fixture
def screen(monkeypatch):
    def make(*, terminal):
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "stderr", Screen(terminal))
        return sys.stderr

    return make


def everything(lines):
    """All that lines can be asked to show: names, a job's status, a warning of the library."""
    with lines.doing(ACTING):
        lines.note(ACTING)
    with lines:
        lines.say(ACTING)
        lines.watch(Progress(ACTING, "pilot", "sw", 1, 2, 1.0, 61.0))
        lines._display and lines._display.live.refresh()
        lines.watch(Progress(ACTING, "pilot", "sw", 2, 2, 2.0, None))
        listen()
        logging.getLogger("xtransplant").warning("%s", ACTING)


def test_a_terminal_shows_names_and_does_not_obey_them(screen, monkeypatch):
    # Not to pytest's own handler: half a surrogate pair in its report cannot leave a test process.
    monkeypatch.setattr(logging.getLogger("xtransplant"), "propagate", False)
    shown = screen(terminal=True)
    everything(Lines(quiet=False))
    text = DRAWING.sub("", shown.text)
    assert text.replace("\n", "").isprintable()
    assert f"{SHOWN} ..." in text
    assert f"xtp: {SHOWN}\n" in text
    assert "1 of 2 examples, 1 s so far, 1 min 01 s left in this run" in text
    assert f"xtp: {SHOWN} pilot sw: 2 of 2 examples, 2 s so far\n" in text
    # The display is gone at the end, and the cursor is back.
    assert shown.text.rindex("\x1b[?25h") > shown.text.rindex("\x1b[?25l")


def test_elsewhere_only_lines_that_stay_are_written(screen, monkeypatch):
    monkeypatch.setattr(logging.getLogger("xtransplant"), "propagate", False)
    shown = screen(terminal=False)
    everything(Lines(quiet=False))
    said = [f"xtp: {SHOWN}", f"xtp: {SHOWN} pilot sw: 2 of 2 examples, 2 s so far", f"xtp: {SHOWN}"]
    assert shown.text.splitlines() == said


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_says_nothing_but_warnings(screen, monkeypatch, terminal):
    monkeypatch.setattr(logging.getLogger("xtransplant"), "propagate", False)
    shown = screen(terminal=terminal)
    everything(Lines(quiet=True))
    assert shown.text == f"xtp: {SHOWN}\n"


def test_an_error_shows_what_it_names(xtp):
    outcome = xtp("report", "no\x1b[2Jsuch\u202erun")
    assert outcome.code == 2
    assert "no\\x1b[2Jsuch\\u202erun" in outcome.err
    outcome = xtp("trace", f"--\x1b[2J{ACTING[:3]}")
    assert outcome.code == 2
    assert outcome.err.rstrip("\n").isprintable()


def test_a_strategy_is_shown_and_not_obeyed(xtp, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        '"""Does \\x1b[2J\\u202e\n\nnothing."""\n'
        "from xtransplant import strategy\n\n\n"
        '@strategy("mine")\n'
        'def mine(source, target, i, j, *, word: str = "m\\x1b[1m"):\n'
        "    target.ffn[j] = source.ffn[i]\n"
    )
    outcome = xtp("show", str(file))
    assert outcome.code == 0, outcome.err
    assert "-S word=m\\x1b[1m" in outcome.out
    assert "Does \\x1b[2J\\u202e\n\nnothing." in outcome.out
    assert outcome.out.replace("\n", "").isprintable()
    found = xtp("show", str(file), "--json").out
    assert json.loads(found)["options"][0]["default"] == "m\x1b[1m"
    assert found.replace("\n", "").isprintable()


def waiting(shown, lines):
    """What is written while a block runs that ends when something was, or after a while."""
    with lines.doing("loading a model"):
        for _ in range(100):
            if shown.text:
                break
            time.sleep(0.02)
    return shown.text


def test_what_takes_long_is_said_in_a_log_file_too(screen, monkeypatch):
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    assert waiting(screen(terminal=False), Lines(quiet=False)) == "xtp: loading a model\n"
    assert waiting(screen(terminal=False), Lines(quiet=True)) == ""
