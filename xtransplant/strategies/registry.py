"""Find a strategy: a built-in or a plug-in's by its name, any other by the path of its file.

Built-in strategies use the door that other packages do, entry points of the group
``xtransplant.strategies``; nothing else is executed unless its path is given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import overload

from xtransplant.errors import XTransplantError
from xtransplant.plugins import plugins
from xtransplant.strategies.definition import Strategy, Sweep, combine
from xtransplant.strategies.expression import parse_expression
from xtransplant.strategies.files import load_file
from xtransplant.text import nearest, shortened

__all__ = ["as_strategy", "find_strategy", "strategy_names", "sweep_options"]

_GROUP = "xtransplant.strategies"


def strategy_names() -> tuple[str, ...]:
    """Names of the built-in strategies and of those that installed packages add, sorted."""
    return tuple(sorted({entry.name for entry in plugins(_GROUP)}))


def find_strategy(name: str) -> Strategy:
    """The strategy called ``name``: a built-in, a plug-in's, or ``path/to/file.py[:name]``.

    Options may stand behind it, ``blend(site=attn, weight=0.3)``, and ``+`` combines several,
    ``attn-swap + ffn-swap``, whose edits are made in the order written. Only files that are named
    are executed.

    Raises:
        XTransplantError: no such strategy (the nearest names are offered), a file that cannot be
            read or imported or defines no strategy, an option that it has not, or a combination
            with a raw strategy.
    """
    known = strategy_names()
    # os.path: a text that is too long for a file's name is none.
    if name in known or os.path.isfile(name):
        return _find_one(name)
    parts = parse_expression(name, known)
    return combine(_find_one(one.name).with_options(one.options) for one in parts)


@overload
def as_strategy(given: Strategy | str) -> Strategy: ...


@overload
def as_strategy(given: Strategy | Sweep | str) -> Strategy | Sweep: ...


def as_strategy(given: Strategy | Sweep | str) -> Strategy | Sweep:
    """A strategy as it is, one of a name, or a sweep.

    Raises:
        XTransplantError: something else, such as a function without ``@strategy``; or as
            :func:`find_strategy`.
    """
    if isinstance(given, str):
        return find_strategy(given)
    if isinstance(given, (Strategy, Sweep)):
        return given
    name = str(getattr(given, "__name__", "my-strategy")).replace("_", "-")
    advice = "give its name or file, after the example"
    if callable(given):
        advice = f"decorate it, @strategy({name!r})"
    raise XTransplantError(f"{shortened(given)} is no strategy; {advice}")


def sweep_options(strategy: Strategy, options: Mapping[str, str]) -> Sweep:
    """A strategy with the options of ``-S``, some of which may have several values.

    Raises:
        XTransplantError: as :meth:`Strategy.sweep`, or one that stands in parentheses too.
    """
    for name, value in options.items():
        own = next((one for one in strategy.parts if name in dict(one.values)), None)
        if own is not None:
            raise XTransplantError(
                f"-S {name}={value}: strategy {own} has a value of {name} already; give it once"
            )
    return strategy.sweep(**options)


def _find_one(name: str) -> Strategy:
    path, suffix, inner = name.partition(".py")
    if suffix and (not inner or inner.startswith(":")):
        return load_file(Path(path + suffix), inner.removeprefix(":"))
    found = [entry for entry in plugins(_GROUP) if entry.name == name]
    if not found:
        # Looked for, and not run: code of the working directory is run only where it is named.
        file = f"{name.replace('-', '_')}.py"
        here = (
            f"the file here is ./{file}"
            if os.path.isfile(file)
            else "a path to a .py file is taken too"
        )
        raise XTransplantError(
            f"unknown strategy {name!r}{nearest(name, strategy_names())}; "
            f"xtp list strategies shows all, and {here}"
        )
    loaded = found[0].load()
    if not isinstance(loaded, Strategy):
        raise XTransplantError(f"{found[0].value} is no strategy; decorate it: @strategy({name!r})")
    return loaded
