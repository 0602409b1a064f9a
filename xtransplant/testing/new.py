"""``xtp new``: a strategy that works at once, and its test, to be changed into one's own."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from string import Template

from xtransplant.errors import XTransplantError, cannot_write
from xtransplant.strategies import strategy_names
from xtransplant.testing.templates import TEMPLATES, Kind

__all__ = ["kind_of", "next_commands", "write_strategy"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", re.ASCII)


def kind_of(*, fitted: bool, raw: bool) -> Kind:
    """What ``--fitted`` and ``--raw`` ask for.

    Raises:
        XTransplantError: both are given.
    """
    if fitted and raw:
        raise XTransplantError(
            "--fitted and --raw: a raw strategy takes no fit; choose one of them, as in "
            "xtp new my-idea --fitted"
        )
    return "fitted" if fitted else "raw" if raw else "recorded"


def write_strategy(name: str, folder: Path, kind: Kind = "recorded") -> tuple[Path, Path]:
    """Write ``NAME.py`` and ``test_NAME.py``, with underscores for hyphens.

    Args:
        name: what ``--strategy`` and the files are to be called.
        folder: where they are written.
        kind: recorded, fitted (recorded, with numbers that are fitted to data first), or raw (a
            script that runs inside the traces).

    Returns:
        The paths of both.

    Raises:
        XTransplantError: a name that is none, or is taken; a file that is there, which is never
            written over; or a folder that cannot be written to.
    """
    stem = _module_of(name)
    paths = folder / f"{stem}.py", folder / f"test_{stem}.py"
    for path in paths:
        if path.exists():
            raise XTransplantError(
                f"{str(path)!r} is there already and is not written over; choose another name, or "
                "remove it"
            )
    _check_free(name, stem)
    words = {"name": name, "stem": stem, "function": stem}
    for path, text in zip(paths, TEMPLATES[kind], strict=True):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(Template(text).substitute(words))
        except OSError as error:
            raise cannot_write(path, error) from error
    return paths


def next_commands(name: str, path: Path, kind: Kind) -> tuple[str, ...]:
    """What one does next with a strategy that was written.

    Args:
        name: of the strategy.
        path: of its file.
        kind: as it was written.
    """
    where = f"./{path}"
    if kind != "fitted":
        return f"xtp check {where}", f"xtp trace --strategy {where}"
    fit = f"-S fit=fits/{name}"
    return (
        f"xtp fit {where} --task babel --split pilot -o fits/{name}",
        f"xtp check {where} {fit}",
        f"xtp trace --strategy {where} {fit} --split unseen",
    )


def _module_of(name: str) -> str:
    """The name of a strategy's module.

    Raises:
        XTransplantError: it is no name.
    """
    stem = name.replace("-", "_").lower()
    if not _NAME.fullmatch(name) or keyword.iskeyword(stem):
        raise XTransplantError(
            f"{name!r:.60} should be letters, digits and hyphens, as in: xtp new my-strategy"
        )
    return stem


def _check_free(name: str, stem: str) -> None:
    """Refuse a name that something else has.

    Raises:
        XTransplantError: a known strategy, or a module that can be imported.
    """
    if name in strategy_names():
        raise XTransplantError(
            f"{name} is a strategy already (xtp show {name}); choose another name"
        )
    # A file beside a script is imported before a package of its name.
    if stem in sys.stdlib_module_names or importlib.util.find_spec(stem) is not None:
        raise XTransplantError(
            f"{stem}.py would hide the module {stem} from Python where it lies; choose another name"
        )
