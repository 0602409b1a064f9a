"""A verb's flags are fields of a dataclass, and options of the command line."""

from dataclasses import dataclass, field
from inspect import signature
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from xtransplant.bench.flags import Flag
from xtransplant.cli.command import command


@dataclass(frozen=True)
class Inner:
    """A group that verbs share."""

    names: Annotated[list[str], Flag("Several.", ("--name", "-n"))] = field(default_factory=list)
    count: Annotated[int, Flag("How many.", minimum=1)] = 3


@dataclass(frozen=True)
class Outer:
    """Of one verb."""

    what: Annotated[str, Flag("Required.", ("--what",))]
    inner: Inner = Inner()
    loud: Annotated[bool, Flag("Loudly.", ("--loud",))] = False


@pytest.fixture
def run():
    """The flags that a verb is called with, and what it prints where it is not called."""
    called = []

    def verb(*, first: Annotated[int, typer.Option()] = 0, flags: Outer) -> None:
        """Does nothing."""
        called.append((first, flags))

    app = typer.Typer()
    app.command()(command(verb))

    def call(*arguments):
        done = CliRunner().invoke(app, arguments)
        return called.pop() if called else done.output

    return call


def test_every_field_is_a_parameter_in_its_place():
    def verb(*, flags: Outer, last: int = 0) -> None: ...

    assert list(signature(command(verb)).parameters) == [
        "context", "what", "names", "count", "loud", "last",
    ]  # fmt: skip


def test_values_come_back_in_their_groups(run):
    assert run("--what", "x") == (0, Outer("x"))
    given = run("--first", "2", "--what", "x", "-n", "a", "--name", "b", "--count", "1", "--loud")
    assert given == (2, Outer("x", Inner(["a", "b"], 1), True))


def test_what_a_flag_says_is_held(run):
    assert "--what" in run()
    assert "--count" in run("--what", "x", "--count", "0")
    for text in ("Several.", "-n", "Loudly."):
        assert text in run("--help")
