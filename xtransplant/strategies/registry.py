"""Strategies by name: one door for built-ins, files and other packages' entry points."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.strategies.recorder import Edit, Shape, record
from xtransplant.strategies.script import Script
from xtransplant.strategies.sources import source_digest

__all__ = ["Option", "Strategy", "check_verifiable", "find_strategy", "strategy", "strategy_names"]

_GROUP = "xtransplant.strategies"
FILE_MODULE = "xtransplant_file_"
"""What the modules of strategy files are called, before the file's name."""


@dataclass(frozen=True)
class Option:
    """A typed keyword argument of a strategy; ``-S name=value`` on the command line."""

    name: str
    type: Any
    default: Any

    def parse(self, text: str) -> Any:
        """The value that ``text`` means for this option's type."""
        choices = typing.get_args(self.type)
        if typing.get_origin(self.type) is typing.Literal:
            if text not in choices:
                raise self._wrong(text, "one of " + ", ".join(map(str, choices)))
            return text
        if self.type is bool:
            if text.lower() not in ("true", "false"):
                raise self._wrong(text, "true or false")
            return text.lower() == "true"
        try:
            return self.type(text)
        except ValueError:
            kinds = {int: "a whole number", float: "a number"}
            raise self._wrong(text, kinds.get(self.type, self.type.__name__)) from None

    def _wrong(self, text: str, right: str) -> XTransplantError:
        return XTransplantError(
            f"option {self.name}={text!r} should be {right}, such as -S {self.name}={self.default}"
        )


@dataclass(frozen=True)
class Strategy:
    """A named function that makes the edits of one layer pair.

    Attributes:
        name: what ``--strategy`` takes.
        function: ``function(source, target, i, j, **options)``; of a raw strategy a generator
            function ``function(model, i, j, **options)``; see docs/strategies.md.
        options: its typed keyword arguments.
        values: the values bound to them by :meth:`with_options`; the defaults hold elsewhere.
        raw: whether its function runs inside the model's traces, and is not recorded.
        doc: the docstring of its file.
        origin: path of its file.
        source_hash: SHA-256 of that file and the local files it imports.
    """

    name: str
    function: Callable[..., Any]
    options: tuple[Option, ...]
    doc: str
    origin: str
    source_hash: str
    values: tuple[tuple[str, Any], ...] = ()
    raw: bool = False

    def with_options(self, options: Mapping[str, Any]) -> Strategy:
        """This strategy with options bound; text is parsed by the option's type."""
        known = {option.name: option for option in self.options}
        bound = dict(self.values)
        for name, value in options.items():
            if name not in known:
                right = ", ".join(known) or "none"
                raise XTransplantError(
                    f"strategy {self.name} has no option {name!r}{nearest(name, known)}; "
                    f"its options: {right}"
                )
            bound[name] = known[name].parse(value) if isinstance(value, str) else value
        return replace(self, values=tuple(sorted(bound.items())))

    def variant(self, shape: Shape, i: int, j: int) -> tuple[Edit, ...] | Script:
        """What it does at layer pair i→j: its edits, or its script if it is raw."""
        if self.raw:
            # Defaults too: what travels is told all of them.
            options = {option.name: option.default for option in self.options} | dict(self.values)
            return Script(self.function, i, j, tuple(options.items()), str(self), self.origin)
        return self.edits(shape, i, j)

    def edits(self, shape: Shape, i: int, j: int) -> tuple[Edit, ...]:
        """The edits for layer pair i→j, as data.

        Raises:
            XTransplantError: its function fails, writes what cannot be written, or is raw.
        """
        if self.raw:
            raise XTransplantError(f"strategy {self} is raw: it records no edits")
        try:
            return record(self.function, shape, i, j, dict(self.values))
        except XTransplantError as error:
            raise XTransplantError(f"strategy {self}, layer pair {i}→{j}: {error}") from error
        except Exception as error:
            line = traceback.extract_tb(error.__traceback__)[-1].lineno
            raise XTransplantError(
                f"strategy {self} fails at layer pair {i}→{j}, {self.origin} line {line}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values)
        return f"{self.name}({values})" if values else self.name


def strategy(name: str, *, raw: bool = False) -> Callable[[Callable[..., Any]], Strategy]:
    """Make a strategy of a function ``(source, target, i, j, *, option: type = default)``.

    Args:
        raw: the function is a generator function ``(model, i, j, *, option: type = default)``
            with one ``yield``, and runs inside the traces of one variant: before the ``yield`` in
            that of the source, after it in that of the target. ``model`` is nnsight's, and each
            trace holds nothing but its prompt, ``[1, n_tokens, ...]``.

    Raises:
        XTransplantError: an option without a type or a default, or a raw function without a
            ``yield``.
    """

    def decorate(function: Callable[..., Any]) -> Strategy:
        if raw and not inspect.isgeneratorfunction(inspect.unwrap(function)):
            raise XTransplantError(
                f"raw strategy {name} has no yield; write one between what it does in the trace "
                "of the source and in that of the target"
            )
        hints = typing.get_type_hints(function)
        parameters = list(inspect.signature(function).parameters.values())[3 if raw else 4 :]
        for parameter in parameters:
            if parameter.name not in hints or parameter.default is parameter.empty:
                raise XTransplantError(
                    f"option {parameter.name!r} of strategy {name} needs a type and a default, "
                    f"as in: {parameter.name}: float = 0.5"
                )
        options = tuple(Option(p.name, hints[p.name], p.default) for p in parameters)
        path = inspect.getsourcefile(function) or ""
        module = sys.modules.get(function.__module__)
        doc = inspect.getdoc(function) or (module and inspect.getdoc(module)) or ""
        digest = source_digest(Path(path), function.__module__)
        return Strategy(name, function, options, doc, path, digest, raw=raw)

    return decorate


def strategy_names() -> tuple[str, ...]:
    """Names of the built-in strategies and of those that installed packages add, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=_GROUP)}))


def find_strategy(name: str) -> Strategy:
    """The strategy called ``name``: a built-in, a plug-in's, or ``path/to/file.py[:name]``.

    Only the file named is executed.

    Raises:
        XTransplantError: no such strategy (the nearest names are offered), or a file that
            cannot be read or imported or defines no strategy.
    """
    path, _, inner = name.partition(".py")
    if _ and (not inner or inner.startswith(":")):
        return _from_file(Path(path + ".py"), inner.removeprefix(":"))
    found = [entry for entry in entry_points(group=_GROUP) if entry.name == name]
    if not found:
        raise XTransplantError(
            f"unknown strategy {name!r}{nearest(name, strategy_names())}; "
            f"xtp list strategies shows all, and a path to a .py file is taken too"
        )
    loaded = found[0].load()
    if not isinstance(loaded, Strategy):
        raise XTransplantError(f"{found[0].value} is no strategy; decorate it: @strategy({name!r})")
    return loaded


def _from_file(path: Path, name: str) -> Strategy:
    if not path.is_file():
        raise XTransplantError(f"no strategy file {str(path)!r}; give the path of a .py file")
    spec = importlib.util.spec_from_file_location(f"{FILE_MODULE}{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except XTransplantError:
        raise
    except Exception as error:
        line = (
            getattr(error, "lineno", None) or traceback.extract_tb(error.__traceback__)[-1].lineno
        )
        raise XTransplantError(
            f"strategy file {path} line {line} fails to import: {type(error).__name__}: {error}"
        ) from error
    found = {item.name: item for item in vars(module).values() if isinstance(item, Strategy)}
    if name in found:
        return found[name]
    if len(found) == 1 and not name:
        return next(iter(found.values()))
    if not found:
        raise XTransplantError(
            f'strategy file {path} defines no strategy; decorate a function with @strategy("name")'
        )
    raise XTransplantError(
        f"strategy file {path} defines {', '.join(found)}; choose one: {path}:{next(iter(found))}"
    )


def check_verifiable(strategy: Strategy) -> None:
    """Refuse to verify what is the reference itself.

    Raises:
        XTransplantError: a raw strategy.
    """
    if strategy.raw:
        raise XTransplantError(
            f"raw strategy {strategy} runs one variant after another as it is, so there is nothing "
            "to hold it against; leave --verify off"
        )


def nearest(name: str, names: typing.Iterable[str]) -> str:
    near = get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f" (nearest: {', '.join(near)})" if near else ""
