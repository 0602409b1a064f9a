"""What a command takes for a strategy, the command that makes its fit, and a fit of another."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xtransplant.errors import XTransplantError
from xtransplant.strategies.fit import Fit
from xtransplant.strategies.fitting import DIGEST, Fitting
from xtransplant.strategies.identity import FILE_MODULE
from xtransplant.strategies.named import SOURCE

__all__ = ["FitOn", "Fittable", "check_made_for", "command_of", "needs_fit"]


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


def check_made_for(fit: Fit, name: str, fitting: Fitting, command: str) -> None:
    """Refuse the fit of another strategy, or of one whose function has changed since.

    Args:
        fit: the fit.
        name: of the strategy that is to use it.
        fitting: that strategy's.
        command: what commands take for it.

    Raises:
        XTransplantError: it is, and in what it differs.
    """
    made_for, site = fit.manifest["strategy"], fit.manifest["site"]
    if made_for != name:
        why = f"was made for strategy {made_for}, not for {name}"
    elif site != fitting.site:
        why = f"is of site {site}, and {name} is fitted at {fitting.site}"
    elif fit.manifest["formula"] != fitting.digest:
        why = f"was made by another version of the function that fits {name}"
    elif what := _used_otherwise(fit.manifest.get("uses", {}), fitting.uses):
        why = f"was made {what} (used by the function that fits {name})"
    else:
        return
    tasks = fit.manifest["tasks"].items()
    on = [f"--task {one} --split {own['split']} " for one, own in tasks]
    model = fit.manifest["model"]["name"]
    raise XTransplantError(
        f"the fit in {fit.path!r} {why}; fit anew: xtp fit {command} {''.join(on)}-m {model} ..."
    )


def _used_otherwise(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The first thing that a fit's function uses and that is another than it was; empty if none."""
    for name in sorted({*then, *now}):
        old, new = then.get(name), now.get(name)
        if old == new:
            continue
        if old is None:
            return f"without {name}"
        if new is None:
            return f"with {name}, which is not there now"
        if any(text.startswith((SOURCE, DIGEST)) for text in (old, new)):
            return f"with another version of {name}"
        return f"with {name} = {old}, which is {new} now"
    return ""
