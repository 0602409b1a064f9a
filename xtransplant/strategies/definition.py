"""What a strategy is, and ``@strategy``, which makes one of a function."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from typing import Any

from xtransplant.errors import MissingSite, XTransplantError
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.faults import (
    TimeLimitExceeded,
    describe_error,
    locate_error,
    time_limit,
)
from xtransplant.strategies.identity import source_digest
from xtransplant.strategies.recorder import Shape, record
from xtransplant.strategies.script import Script
from xtransplant.strategies.swept_values import check_number, option_values
from xtransplant.strategies.typed_options import Option, read_options

__all__ = ["RECORDING_SECONDS", "Strategy", "Sweep", "check_verifiable", "nearest", "strategy"]

RECORDING_SECONDS = 30.0
"""How long a strategy may take over one layer pair; recording one is a matter of microseconds."""


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

    @property
    def bound(self) -> dict[str, Any]:
        """The value of every option, those that have their default included."""
        return {option.name: option.default for option in self.options} | dict(self.values)

    def with_options(self, options: Mapping[str, Any]) -> Strategy:
        """This strategy with options bound; text is parsed by the option's type.

        Raises:
            XTransplantError: no such option, or a text that is no value of its type.
        """
        self._check_known(options)
        known = {option.name: option for option in self.options}
        bound = dict(self.values)
        for name, value in options.items():
            bound[name] = known[name].parse(value) if isinstance(value, str) else value
        return replace(self, values=tuple(sorted(bound.items())))

    def sweep(self, **options: Any) -> Sweep:
        """This strategy at several values of some of its options.

        Args:
            **options: by name, a sequence of values, a single one (which is bound), or text as
                ``-S`` takes it: ``"0:1:0.25"`` (both ends in) or ``"0,0.5"``.

        Raises:
            XTransplantError: no such option, values that are none of its type, one that is there
                twice, or too many.
        """
        self._check_known(options)
        known = {option.name: option for option in self.options}
        values = {name: option_values(known[name], given) for name, given in options.items()}
        axes = tuple((name, found) for name, found in values.items() if len(found) > 1)
        check_number(math.prod(len(found) for _, found in axes), f"the sweep of {self.name}")
        single = {name: found[0] for name, found in values.items() if len(found) == 1}
        return Sweep(self.with_options(single), axes)

    def _check_known(self, names: Iterable[str]) -> None:
        known = [option.name for option in self.options]
        for name in names:
            if name not in known:
                raise XTransplantError(
                    f"strategy {self.name} has no option {name!r}{nearest(name, known)}; "
                    f"its options: {', '.join(known) or 'none'}"
                )

    def variant(self, shape: Shape, i: int, j: int) -> tuple[Edit, ...] | Script:
        """What it does at layer pair i→j: its edits, or its script if it is raw.

        Raises:
            XTransplantError: as :meth:`edits`.
        """
        if self.raw:
            # Defaults as well: a server has the function's source, and these values with it.
            options = tuple(self.bound.items())
            return Script(self.function, i, j, options, str(self), self.origin)
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
            with time_limit(RECORDING_SECONDS):
                return record(self.function, shape, i, j, dict(self.values))
        except KeyboardInterrupt:
            raise
        except XTransplantError as error:
            place = locate_error(error, self.origin)
            # A layer that has not the site is no fault of the strategy: callers tell them apart.
            kind = MissingSite if isinstance(error, MissingSite) else XTransplantError
            raise kind(f"strategy {self}, {at}{place}: {error}") from error
        except TimeLimitExceeded as error:
            raise XTransplantError(
                f"strategy {self} is still recording after {RECORDING_SECONDS:g} s at {at}"
                f"{locate_error(error, self.origin)}: is there a loop without an end?"
            ) from error
        except BaseException as error:  # SystemExit too
            place, words = locate_error(error, self.origin), describe_error(error)
            raise XTransplantError(f"strategy {self} fails at {at}{place}: {words}") from error

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values)
        return f"{self.name}({values})" if values else self.name


@dataclass(frozen=True)
class Sweep:
    """A strategy at every combination of some values of its options.

    Attributes:
        strategy: its other options bound.
        axes: the swept options and their values, in the order they were given in; the sweep is
            their product, the first option slow. Without any it is the strategy alone.
    """

    strategy: Strategy
    axes: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The strategy with each combination of values bound."""
        names = [name for name, _ in self.axes]
        return tuple(
            self.strategy.with_options(dict(zip(names, values, strict=True)))
            for values in product(*(values for _, values in self.axes))
        )

    def __str__(self) -> str:
        values = (f"{name}={', '.join(map(str, found))}" for name, found in self.axes)
        return "; ".join([str(self.strategy), *values])


def strategy(name: str, *, raw: bool = False) -> Callable[[Callable[..., Any]], Strategy]:
    """Make a strategy of a function ``(source, target, i, j, *, option: type = default)``.

    Args:
        name: what ``--strategy`` takes.
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
        _check_kind(function, name, raw)
        options = read_options(function, _option_parameters(function, name, raw), name)
        path = inspect.getsourcefile(function) or ""
        module = sys.modules.get(function.__module__)
        doc = inspect.getdoc(function) or (module and inspect.getdoc(module)) or ""
        digest = source_digest(Path(path), function.__module__)
        return Strategy(name, function, options, doc, path, digest, raw=raw)

    return decorate


def check_verifiable(strategy: Strategy) -> None:
    """Refuse ``--verify`` of a raw strategy: it compares packed variants with single ones.

    Raises:
        XTransplantError: the strategy is raw, so that its variants are run singly anyway.
    """
    if strategy.raw:
        raise XTransplantError(
            f"raw strategy {strategy} runs one variant after another as it is, so there is nothing "
            "to hold it against; leave --verify off"
        )


def nearest(name: str, names: Iterable[str]) -> str:
    """`` (nearest: ...)`` with up to three names like one that is none; empty if none is."""
    near = get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f" (nearest: {', '.join(near)})" if near else ""


def _check_kind(function: Any, name: str, raw: bool) -> None:
    """Refuse what is no plain function, and a ``yield`` where none belongs or none is."""
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


def _option_parameters(
    function: Callable[..., Any], name: str, raw: bool
) -> list[inspect.Parameter]:
    """A function's parameters after those that the engine fills in."""
    filled = ("model", "i", "j") if raw else ("source", "target", "i", "j")
    signature = inspect.signature(function)
    try:
        signature.bind(*filled)
    except TypeError as error:
        raise XTransplantError(
            f"strategy {name} takes {signature}, but is called with ({', '.join(filled)}): {error}"
        ) from None
    return list(signature.parameters.values())[len(filled) :]
