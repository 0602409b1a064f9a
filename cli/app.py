"""The ``xtp`` application: its verbs, and how errors end."""

from __future__ import annotations

import errno
import os
import platform
import re
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from types import FrameType
from typing import Annotated, Any, TextIO

import typer
from typer.main import get_command

import xtransplant
from xtransplant.cli import (
    author,
    bench,
    catalogue,
    choose,
    fit,
    lens,
    pilot,
    remote,
    report,
    share,
    trace,
    validate,
)
from xtransplant.cli.command import command
from xtransplant.cli.log_file import log
from xtransplant.cli.progress import listen
from xtransplant.errors import XTransplantError
from xtransplant.model.distributed import destroy_process_group, rank

__all__ = ["ALIASES", "app", "main", "run"]

_UNWRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
_LONGEST = 600  # characters of a message's start and of its end, where a value in it is endless

ALIASES = {
    "run": "The same as bench, which takes lm-evaluation-harness' --tasks, --model (a repository "
    "or folder, not a type such as hf), --limit, --device, --output_path (the folder of runs) and "
    "--batch_size (at most so many examples; memory decides otherwise).",
    "ls": "The same as runs.",
}

app = typer.Typer(
    name="xtp",
    help="Cross-lingual activation transplantation: every layer pair in one forward pass.",
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        # --output_path is --output-path, as other harnesses write it.
        "token_normalize_func": lambda name: name.replace("_", "-"),
    },
)
# What the list of verbs says of each, on lines that are not cut; --help of one says the rest.
_VERBS: tuple[tuple[str, Callable[..., None], str], ...] = (
    ("new", author.new, "Write a strategy that works at once, and its test."),
    ("check", author.check, "Try what a strategy should hold, on a real example."),
    ("trace", trace.trace, "Transplant at every layer pair, and show what the model answers."),
    ("lens", lens.lens, "What the model would answer if it ended after each layer."),
    ("bench", bench.bench, "Run strategies over a task; goes on where it was left."),
    ("pilot", pilot.pilot, "Choose layer pairs on one split and try them on another."),
    ("choose", choose.choose, "What choosing a layer pair for each example is worth."),
    ("fit", fit.fit, "Fit a strategy that works with numbers taken from data."),
    ("report", report.report, "Tables, figures and one page (--html) of runs."),
    ("view", report.view, "Open a page with all that runs found."),
    ("runs", report.runs, "List runs: what they are, how far, and what is damaged."),
    ("rescore", report.rescore, "Judge stored outputs again, offline."),
    ("export", share.export, "Write runs as lm-evaluation-harness or inspect write theirs."),
    ("push", share.push, "Publish a run on the hub as a data set."),
    ("validate", validate.validate, "Check a file, a task or a configuration without a model."),
    ("doctor", remote.doctor, "Look whether a model or a server can be used from here."),
    ("models", remote.models, "List the models that a server has deployed."),
    ("list", catalogue.list_, "List strategies, tasks, families or languages."),
    ("show", catalogue.show, "Show a strategy: its docstring, what it records, its options."),
    # By the names that neighbouring tools have.
    ("run", bench.bench, "The same as bench."),
    ("ls", report.runs, "The same as runs."),
)
for _name, _verb, _short in _VERBS:
    app.command(_name, help=ALIASES.get(_name), short_help=_short)(command(_verb))


_MATTER = ("torch", "transformers", "nnsight")  # to the numbers; asked for in every bug report


def _version(asked: bool) -> None:
    if not asked:
        return
    # By their metadata: to import them takes seconds.
    from importlib.metadata import PackageNotFoundError, version

    typer.echo(f"xtp {xtransplant.__version__}\npython {platform.python_version()}")
    for name in _MATTER:
        try:
            typer.echo(f"{name} {version(name)}")
        except PackageNotFoundError:
            typer.echo(f"{name} is not installed")
    raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the versions of what matters."
        ),
    ] = False,
) -> None:
    """Cross-lingual activation transplantation: every layer pair in one forward pass."""


def main() -> None:
    """Run ``xtp`` with the arguments of this process, and end it."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        _say("standard output is closed; send it to a file, or to /dev/null")
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        # Prompts come in any script; what a stream cannot encode is written escaped.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if "--tensor-parallel" in sys.argv and rank():
        # One of the processes of a split model speaks for all.
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    interrupts: list[int] = []

    def interrupted(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    try:
        signal.signal(signal.SIGINT, interrupted)
        code = run(sys.argv[1:], interrupts)
    except KeyboardInterrupt:
        code = _failed(KeyboardInterrupt(), True, False)
    if code == 0:
        destroy_process_group()
    # All is written; Ctrl-C while Python shuts down would only add a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


@cache
def _group() -> Any:
    # Typer makes all verbs anew at each call, which a caller of run() pays every time.
    return get_command(app)


def run(arguments: Sequence[str], interrupts: Sequence[int] = ()) -> int:
    """Run ``xtp`` and give its exit code.

    0 if all went well; 1 for a fault of the program, a ``--verify`` that finds a difference, or a
    ``check`` that fails;
    2 for what the user can put right; 130 for Ctrl-C. An error is one line on stderr.

    Args:
        arguments: as a shell gives them, without the program's name.
        interrupts: not empty once Ctrl-C was pressed; libraries may turn it into an error of
            their own on its way here.
    """
    listen()
    try:
        group = _group()
        if "_XTP_COMPLETE" in os.environ:  # a shell asks what goes on from a line
            group.main(args=list(arguments), prog_name="xtp")
        # Not the command's own main(): that one writes to stderr before it raises.
        with group.make_context("xtp", list(arguments) or ["--help"]) as context:
            group.invoke(context)
        # What a full disk does not take is found here, not when Python ends.
        sys.stdout.flush()
    except typer.Exit as done:
        return done.exit_code
    except BrokenPipeError:
        # The reader has closed the pipe, as `| head` does.
        sys.stderr.close()
        return 0
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code in (None, 0):
            return 0  # of completions, which end the process themselves
        return _failed(error, bool(interrupts), "--debug" in arguments)
    return 0


def _failed(error: BaseException, interrupted: bool, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    if interrupted or isinstance(error, (KeyboardInterrupt, typer.Abort)):
        _say("interrupted")
        return 130
    if isinstance(error, XTransplantError):
        _say(str(error))
        return 2
    if isinstance(error, OSError) and error.errno in _UNWRITTEN and error.filename is None:
        _say(f"cannot write to standard output: {error.strerror}; send it to another place")
        _drop(sys.stdout)
        return 2
    # What Typer finds wrong with the arguments can say so by itself.
    usage = getattr(error, "format_message", None)
    if usage is not None:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "xtp"
        near = ", ".join(getattr(error, "possibilities", None) or ())
        message = usage().partition(" (Possible options")[0].partition(" Did you mean")[0]
        message += _from_environment(context, getattr(error, "param", None))
        like = f" (nearest: {near})" if near else _nearest_verb(message)
        _say(f"{message.rstrip('.').replace('Value error, ', '')}{like}; see {path} --help")
        return 2
    hint = "" if debug else "; run again with --debug to see where"
    _say(f"unexpected {type(error).__name__}: {error}{hint}")
    return 1


def _from_environment(context: Any, parameter: Any) -> str:
    """Which variable gave a value that an option does not take, if one did."""
    if context is None or getattr(parameter, "name", None) is None:
        return ""
    source = context.get_parameter_source(parameter.name)
    given = getattr(source, "name", "") == "ENVIRONMENT"
    return f", which {parameter.envvar} in the environment gives" if given else ""


def _nearest_verb(message: str) -> str:
    """What a verb that is none was meant to be, where one is like it."""
    found = re.fullmatch(r"No such command '(.*)'\.?", message)
    near = get_close_matches(found[1], _group().commands) if found else []
    return f" (nearest: {', '.join(near)})" if near else ""


def _drop(stream: TextIO) -> None:
    """Discard what a stream still buffers: Python would try again to write it when it ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say(message: str) -> None:
    from xtransplant.style.escape import visible

    line = visible(" ".join(message.split()))
    if len(line) > 2 * _LONGEST:
        line = f"{line[:_LONGEST]} [...] {line[-_LONGEST:]}"
    log(line)
    with suppress(OSError):
        print(f"xtp: {line}", file=sys.stderr)
