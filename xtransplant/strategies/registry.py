"""Strategies by name: one door for built-ins, files and other packages' entry points."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import math
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.strategies.faults import TooLong, limited, place_of, words_of
from xtransplant.strategies.recorder import Edit, Shape, record
from xtransplant.strategies.script import Script
from xtransplant.strategies.sources import source_digest

__all__ = ["Option", "Strategy", "check_verifiable", "find_strategy", "strategy", "strategy_names"]

_GROUP = "xtransplant.strategies"
FILE_MODULE = "xtransplant_file_"
"""What the modules of strategy files are called, before a digest of the path and the name."""
RECORDING_SECONDS = 30.0
"""How long a strategy may take over one layer pair; recording one is a matter of microseconds."""
_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


@dataclass(frozen=True)
class Option:
    """A typed keyword argument of a strategy; ``-S name=value`` on the command line."""

    name: str
    type: Any
    default: Any

    def parse(self, text: str) -> Any:
        """The value that ``text`` means for this option's type.

        Raises:
            XTransplantError: none; a number that is not finite is none either.
        """
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
            value = self.type(text)
        except ValueError:
            raise self._wrong(text, _KINDS[self.type]) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(text, "a finite number")
        return value

    def _wrong(self, text: str, right: str) -> XTransplantError:
        return XTransplantError(
            f"option {self.name}={text[:60]!r} should be {right}, such as "
            f"-S {self.name}={self.default}"
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
            XTransplantError: its function fails, ends the program or does not come to an end,
                writes what cannot be written, or is raw; says its file and line.
        """
        if self.raw:
            raise XTransplantError(f"strategy {self} is raw: it records no edits")
        at = f"layer pair {i}→{j}, "
        try:
            with limited(RECORDING_SECONDS):
                return record(self.function, shape, i, j, dict(self.values))
        except KeyboardInterrupt:
            raise
        except XTransplantError as error:
            place = place_of(error, self.origin)
            raise XTransplantError(f"strategy {self}, {at}{place}: {error}") from error
        except TooLong as error:
            raise XTransplantError(
                f"strategy {self} is still recording after {RECORDING_SECONDS:g} s at {at}"
                f"{place_of(error, self.origin)}: is there a loop without an end?"
            ) from error
        except BaseException as error:
            raise XTransplantError(
                f"strategy {self} fails at {at}{place_of(error, self.origin)}: {words_of(error)}"
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
        XTransplantError: no function that can be called like this, a name that is none, an option
            of another type or without a default, or a raw function without a ``yield``.
    """

    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise XTransplantError(
            f'a strategy needs a name on one line: @strategy("name"), not {name!r:.60}'
        )

    def decorate(function: Callable[..., Any]) -> Strategy:
        if not inspect.isfunction(function):
            raise XTransplantError(f"strategy {name} should be a function, not {function!r:.60}")
        plain = inspect.unwrap(function)
        if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
            raise XTransplantError(f"strategy {name} is async; write it as def, without await")
        if raw != inspect.isgeneratorfunction(plain):
            raise XTransplantError(
                f"raw strategy {name} has no yield; write one between what it does in the trace "
                "of the source and in that of the target"
                if raw
                else f"strategy {name} has a yield; leave it out, or say that it is raw: "
                f'@strategy("{name}", raw=True)'
            )
        takes = ("model", "i", "j") if raw else ("source", "target", "i", "j")
        signature = inspect.signature(function)
        try:
            signature.bind(*takes)
        except TypeError as error:
            raise XTransplantError(
                f"strategy {name} takes {signature}, but is called with ({', '.join(takes)}): "
                f"{error}"
            ) from None
        hints = typing.get_type_hints(function)
        parameters = list(signature.parameters.values())[len(takes) :]
        for parameter in parameters:
            if parameter.name not in hints or parameter.default is parameter.empty:
                raise XTransplantError(
                    f"option {parameter.name!r} of strategy {name} needs a type and a default, "
                    f"as in: {parameter.name}: float = 0.5"
                )
            kind = hints[parameter.name]
            if kind not in _KINDS and typing.get_origin(kind) is not typing.Literal:
                raise XTransplantError(
                    f"option {parameter.name!r} of strategy {name} is of type "
                    f"{getattr(kind, '__name__', kind)}; it should be float, int, bool, str or a "
                    "Literal of texts"
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
    # Two files of one name are two modules: what a function is found by, and travels by.
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(f"{FILE_MODULE}{place}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except XTransplantError as error:
        place = place_of(error, str(path.resolve()), str(path))
        raise XTransplantError(f"strategy file {place}: {error}") from error
    except SyntaxError as error:
        raise XTransplantError(_no_python(path, error)) from error
    except BaseException as error:
        place = place_of(error, spec.origin or str(path), str(path))
        raise XTransplantError(
            f"strategy file {place} fails to import: {words_of(error)}"
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


def _no_python(path: Path, error: SyntaxError) -> str:
    """What is wrong with a file that Python cannot read, with the line only where there is one."""
    if error.filename not in (None, str(path), str(path.resolve())):
        # Of another module, which the file imports.
        there = f"{error.filename} line {error.lineno}"
        return f"strategy file {path} fails to import: {there}: {error.msg}"
    line = f" line {error.lineno}" if error.lineno else ""
    advice = "; save it as UTF-8 text" if "null bytes" in error.msg or "decode" in error.msg else ""
    return f"strategy file {path}{line} is no Python: {error.msg}{advice}"


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
