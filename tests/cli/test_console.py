"""What is said beside the results: names are shown there too, and not obeyed."""

import json
import logging
import sys

from xtransplant.bench.clock import Progress
from xtransplant.cli.console import Lines, listen, progress

ACTING = "x\x1b[2J\u202ey\x9b1m\u2028\ud800"
SHOWN = "x\\x1b[2J\\u202ey\\x9b1m\\u2028\\ud800"


class Screen:
    """A terminal that keeps what it is told."""

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_lines_show_what_a_language_or_strategy_is_called(monkeypatch):
    screen = Screen()
    # Here and not in a fixture: pytest puts its own in place before the test begins.
    monkeypatch.setattr(sys, "stderr", screen)
    lines = Lines(quiet=False)
    lines.say(ACTING)
    lines.note(ACTING)
    lines.watch(Progress(ACTING, ACTING, ACTING, 1, 2, 1.0, None))
    with progress(ACTING, quiet=False, verbose=False):
        pass
    listen()
    # Not to pytest's own handler: half a surrogate pair in its report cannot leave a test process.
    monkeypatch.setattr(logging.getLogger("xtransplant"), "propagate", False)
    logging.getLogger("xtransplant").warning("%s", ACTING)
    assert screen.text.count(SHOWN) == 7
    # Its own: back to the start of the line, which is emptied.
    assert screen.text.replace("\r\x1b[K", "").replace("\n", "").isprintable()


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
