"""Find a strategy: a built-in or a plug-in's by its name, any other by the path of its file.

Built-in strategies use the door that other packages do, entry points of the group
``xtransplant.strategies``; nothing else is executed unless its path is given.
"""

from __future__ import annotations

from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.plugins import plugins
from xtransplant.strategies.definition import Strategy, nearest
from xtransplant.strategies.files import load_file

__all__ = ["find_strategy", "strategy_names"]

_GROUP = "xtransplant.strategies"


def strategy_names() -> tuple[str, ...]:
    """Names of the built-in strategies and of those that installed packages add, sorted."""
    return tuple(sorted({entry.name for entry in plugins(_GROUP)}))


def find_strategy(name: str) -> Strategy:
    """The strategy called ``name``: a built-in, a plug-in's, or ``path/to/file.py[:name]``.

    Only the file named is executed.

    Raises:
        XTransplantError: no such strategy (the nearest names are offered), or a file that
            cannot be read or imported or defines no strategy.
    """
    path, suffix, inner = name.partition(".py")
    if suffix and (not inner or inner.startswith(":")):
        return load_file(Path(path + suffix), inner.removeprefix(":"))
    found = [entry for entry in plugins(_GROUP) if entry.name == name]
    if not found:
        raise XTransplantError(
            f"unknown strategy {name!r}{nearest(name, strategy_names())}; "
            f"xtp list strategies shows all, and a path to a .py file is taken too"
        )
    loaded = found[0].load()
    if not isinstance(loaded, Strategy):
        raise XTransplantError(f"{found[0].value} is no strategy; decorate it: @strategy({name!r})")
    return loaded
