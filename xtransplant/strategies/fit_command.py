"""What a command takes for a strategy, and the command that makes a strategy's fit."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xtransplant.strategies.identity import FILE_MODULE

__all__ = ["FitOn", "Fittable", "command_of", "needs_fit"]


class Fittable(Protocol):
    """What a message needs of a strategy."""

    @property
    def name(self) -> str:
        """Its own."""

    @property
    def command(self) -> str:
        """What a command takes for it."""

    @property
    def parts(self) -> Sequence[Fittable]:
        """The strategies that it combines; itself alone if it combines none."""


@dataclass(frozen=True)
class FitOn:
    """What a fit would be made on, as far as it is known; what is not is a word in capitals.

    Attributes:
        model: empty where it comes with the task.
    """

    task: str = "TASK"
    split: str = "pilot"
    model: str = "MODEL"

    def command(self, strategy: Fittable) -> str:
        """The command that fits a strategy."""
        model = f"-m {shlex.quote(self.model)} " if self.model else ""
        return (
            f"xtp fit {strategy.command} --task {self.task} --split {self.split} {model}"
            f"-o {_folder(strategy)}"
        )


def needs_fit(strategy: Fittable, part: Fittable, on: FitOn) -> str:
    """Why a strategy without its fit is refused, and the command that makes it.

    Args:
        strategy: a combination, or the same as the part.
        part: of it, which has no fit.
        on: what the fit would be made on.
    """
    folder = _folder(part)
    give = f"-S fit={folder}"
    if len(strategy.parts) > 1:
        give = f'"... + {part.command}(fit={folder})"'
    return (
        f"strategy {part.name} needs a fit: make one with {on.command(part)}, then give it, {give}"
    )


def _folder(strategy: Fittable) -> str:
    """Where a strategy's fit is written, if nothing else is said."""
    return shlex.quote(f"fits/{strategy.name}")


def command_of(name: str, origin: str, function: Callable[..., Any]) -> str:
    """What a command takes for a strategy: its name, or the path of its file.

    Args:
        name: of the strategy.
        origin: path of its file.
        function: its own.
    """
    module = sys.modules.get(function.__module__)
    if not function.__module__.startswith(FILE_MODULE):
        return name
    path = os.path.relpath(origin) if Path(origin).is_relative_to(Path.cwd()) else origin
    path = path if os.sep in path else os.path.join(os.curdir, path)
    kinds = [one for one in vars(module).values() if hasattr(one, "fitting")] if module else []
    several = len({one.name for one in kinds}) > 1
    return shlex.quote(f"{path}:{name}" if several else path)
