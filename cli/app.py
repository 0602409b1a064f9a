"""The ``xtp`` application: its verbs, and how errors end."""

from __future__ import annotations

import sys
from typing import Annotated

import click
import typer
from typer.main import get_command

import xtransplant
from xtransplant.cli import catalogue, trace
from xtransplant.errors import XTransplantError

__all__ = ["app", "main"]

app = typer.Typer(
    name="xtp",
    help="Cross-lingual activation transplantation: every layer pair in one forward pass.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("trace")(trace.trace)
app.command("list")(catalogue.list_)
app.command("show")(catalogue.show)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"xtp {xtransplant.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Cross-lingual activation transplantation: every layer pair in one forward pass."""


def main() -> None:
    """Run ``xtp``: 0 if all went well, 2 for an error of the user's, 130 for Ctrl-C."""
    debug = "--debug" in sys.argv
    try:
        status = get_command(app).main(standalone_mode=False)
    except (XTransplantError, click.ClickException) as error:
        if debug:
            raise
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        _say(message)
        status = 2
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        status = 130
    except BrokenPipeError:
        # The reader went away (as `| head` does): nothing is left to say, to nobody.
        sys.stderr.close()
        status = 0
    except Exception as error:
        if debug:
            raise
        _say(f"unexpected {type(error).__name__}: {error}; run again with --debug to see where")
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _say(message: str) -> None:
    print("xtp: " + " ".join(message.split()), file=sys.stderr)
