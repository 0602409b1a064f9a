"""``xtp`` in this process: exit code, stdout, stderr."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from xtransplant.cli.app import run

GOLDEN = Path(__file__).parents[1] / "golden"


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def xtp(capsys) -> Callable[..., Outcome]:
    """Run a command line given as its arguments."""

    def call(*arguments: str) -> Outcome:
        code = run(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def traced(xtp) -> Callable[..., Outcome]:
    """``xtp trace`` on the golden Llama with two short prompts; other arguments are added."""

    def call(*arguments: str, strategy: str = "attn-swap") -> Outcome:
        own = ["--model", str(GOLDEN / "llama")]
        prompts = ["--source", "How many?", "--target", "Ngapi?"]
        given = [*own, *prompts, *arguments]
        if "--source" in arguments or "--target" in arguments:
            given = [*own, *arguments]
        if "--model" in arguments:
            given = [*prompts, *arguments]
        return xtp("trace", "--strategy", strategy, *given)

    return call


@pytest.fixture
def golden() -> Path:
    """The folder of golden checkpoints."""
    return GOLDEN
