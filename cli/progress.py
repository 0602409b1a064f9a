"""Progress on stderr: on a terminal a display that is updated in place, elsewhere plain lines."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from xtransplant.cli.log_file import close_logs, log, log_to
from xtransplant.cli.words import duration
from xtransplant.style.escape import visible

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from xtransplant.bench.context import RunContext
    from xtransplant.bench.progress import Progress

__all__ = ["Lines", "listen"]

_REFRESH = 4  # times a second
_SECONDS = 30  # between lines of progress elsewhere than on a terminal
_PATIENCE = 5.0  # seconds after which something that is being done is said there


class _Handler(logging.Handler):
    """Writes the library's warnings to stderr, as lines of the command."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"xtp: {visible(record.getMessage())}", file=sys.stderr, flush=True)


def listen() -> None:
    """Show the library's warnings as the command's own lines, from here on in no log file."""
    close_logs()
    logger = logging.getLogger("xtransplant")
    if not any(isinstance(handler, _Handler) for handler in logger.handlers):
        logger.addHandler(_Handler())


class Lines:
    """Messages and progress of a command.

    On a terminal, what changes is one display below the lines that stay: what is being done, the
    languages that are under way with the time left, the last status of a job. It is gone at the
    end. Elsewhere only lines that stay are written: one for each language that is done, and what
    is being done where that takes its time.
    """

    def __init__(self, *, quiet: bool, verbose: bool = False, log_file: Path | None = None) -> None:
        log_to(log_file)
        self._quiet = quiet
        self._verbose = verbose
        self._display: _Display | None = None
        self._said = time.monotonic()  # when a line of progress was last written

    def __enter__(self) -> Lines:
        if not self._quiet and _is_terminal():
            self._display = _Display()
            self._display.live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._display is not None:
            self._display.live.stop()
            self._display = None

    def hear(self, context: RunContext) -> RunContext:
        """The context of a run whose messages and progress are shown here."""
        return replace(
            context, say=self.say, note=self.note, watch=self.watch,
            step=self.step, doing=self.stage,
        )  # fmt: skip

    @contextmanager
    def doing(self, message: str) -> Iterator[None]:
        """Show what takes its time, for as long as the block runs.

        Elsewhere than on a terminal it is written if it takes longer than a reader of a log file
        would wait without a word, or at once if the command is to be verbose.
        """
        if self._verbose:
            print(f"xtp: {visible(message)}", file=sys.stderr, flush=True)
            yield
            return
        with self:
            if self._display is not None:
                self._display.doing(message)
                yield
                return
            late = threading.Timer(_PATIENCE, self.say, [message])
            late.daemon = True
            late.start()
            try:
                yield
            finally:
                late.cancel()

    def say(self, line: str) -> None:
        """Write a line that stays."""
        log(line)
        if self._quiet:
            return
        if self._display is None:
            print(f"xtp: {visible(line)}", file=sys.stderr, flush=True)
        else:
            self._display.say(line)

    def say_each(self, *found: str) -> None:
        """Write each of these lines that says something."""
        for line in filter(None, found):
            self.say(line)

    def note(self, line: str) -> None:
        """Show a line that the next one replaces; nothing elsewhere than on a terminal."""
        if self._display is not None:
            self._display.note(line)

    def stage(self, line: str) -> None:
        """Show what is done before there is progress; elsewhere than on a terminal, write it."""
        if self._display is None:
            self.say(line)
        else:
            self._display.doing(line)

    def step(self, progress: Progress) -> None:
        """Show which example is worked on; elsewhere than on a terminal, twice a minute."""
        if self._display is not None:
            self._display.advance(_name(progress), progress, _text(progress))
        elif time.monotonic() - self._said >= _SECONDS:
            self.say(f"{_name(progress)}: {_text(progress)}")
            self._said = time.monotonic()

    def watch(self, progress: Progress) -> None:
        """Show how far a language is, and write a line that stays when it is done."""
        name, text = _name(progress), _text(progress)
        if self._display is not None:
            self._display.advance(name, progress, text)
        if progress.done == progress.total:
            self.say(f"{name}: {text}")


def _name(progress: Progress) -> str:
    return f"{progress.task} {progress.split} {progress.lang}"


def _text(progress: Progress) -> str:
    """How far a language is, in words."""
    text = f"{progress.done} of {progress.total} examples"
    if progress.at:
        text += f" stored, now {progress.at}"
    text += f", {duration(progress.seconds)} so far"
    if progress.left is not None:
        text += f", {duration(progress.left)} left in this run"
    return text


class _Display:
    """What changes on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        self._console = Console(stderr=True, highlight=False)
        self._bars = _bars(self._console)
        self._rows: dict[str, TaskID] = {}
        self._doing: RenderableType | None = None
        self._note = Text("")
        # What others print to stderr is put above the display; stdout is for results.
        self.live = Live(
            console=self._console,
            get_renderable=self._renderable,
            refresh_per_second=_REFRESH,
            transient=True,
            redirect_stdout=False,
        )

    def _renderable(self) -> RenderableType:
        from rich.console import Group

        note = [self._note] if self._note else []
        doing = [] if self._doing is None else [self._doing]
        return Group(*doing, self._bars, *note)

    def doing(self, message: str) -> None:
        from rich.spinner import Spinner
        from rich.text import Text

        self._doing = Spinner("dots", Text(f"{visible(message)} ..."))

    def say(self, line: str) -> None:
        from rich.text import Text

        self._console.print(Text(f"xtp: {visible(line)}"), soft_wrap=True)

    def note(self, line: str) -> None:
        from rich.text import Text

        self._note = Text(f"xtp: {visible(line)}", style="dim", overflow="ellipsis", no_wrap=True)

    def advance(self, name: str, progress: Progress, text: str) -> None:
        """Show how far a language is; its row goes when it is done."""
        self._doing = None
        if name not in self._rows:
            self._rows[name] = self._bars.add_task(visible(name), total=progress.total, text=text)
        self._bars.update(self._rows[name], completed=progress.done + progress.within, text=text)
        if progress.done == progress.total:
            self._bars.remove_task(self._rows.pop(name))


def _bars(console: Console) -> Bars:
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    # The time left is the run's own estimate, of all languages; the bars' would be of one.
    return Bars(
        TextColumn("xtp: {task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[text]}", markup=False),
        console=console,
    )


def _is_terminal() -> bool:
    """Whether stderr is a terminal that can be written over."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
