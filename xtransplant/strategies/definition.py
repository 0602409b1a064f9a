"""What a strategy is, and ``@strategy``, which makes one of a function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
from xtransplant.strategies.fit import PRINTED, BoundFit, Fit, check_made_for, load_fit
from xtransplant.strategies.fitting import Fitting
from xtransplant.strategies.identity import FILE_MODULE, source_digest
from xtransplant.strategies.recorder import Shape, record
from xtransplant.strategies.script import Script
from xtransplant.strategies.typed_options import Option, nearest, read_options

__all__ = ["RECORDING_SECONDS", "Strategy", "check_verifiable", "nearest", "strategy"]

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
        fitting: what has to be fitted for it, if anything; its option ``fit`` then.
        langs: languages of source and target of the examples that its variants are for; None
            where that is not said. Only what is fitted by language depends on it.
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
    fitting: Fitting | None = None
    langs: tuple[str, str] | None = None

    @property
    def fit(self) -> Fit | None:
        """The fit that is bound to it."""
        found: Fit | None = dict(self.values).get("fit") if self.fitting is not None else None
        return found

    def for_languages(self, source: str, target: str) -> Strategy:
        """This strategy for examples in two languages, as codes; empty where one is not known."""
        return self if self.fitting is None else replace(self, langs=(source, target))

    def printable(self) -> Strategy:
        """This strategy with a fit of names alone, where it has none: enough to print its edits."""
        if self.fitting is None or self.fit is not None:
            return self
        return replace(self, values=(*self.values, ("fit", PRINTED)))

    def with_options(self, options: Mapping[str, Any]) -> Strategy:
        """This strategy with options bound; text is parsed by the option's type.

        Raises:
            XTransplantError: no such option, or a text that is no value of its type.
        """
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
            if name == "fit" and self.fitting is not None:
                check_made_for(bound[name], self.name, self.fitting)
        return replace(self, values=tuple(sorted(bound.items())))

    def variant(self, shape: Shape, i: int, j: int) -> tuple[Edit, ...] | Script:
        """What it does at layer pair i→j: its edits, or its script if it is raw.

        Raises:
            XTransplantError: as :meth:`edits`.
        """
        if self.raw:
            # Defaults as well: a server has the function's source, and these values with it.
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
        self.check_fitted()
        at = f"layer pair {i}→{j}, "
        try:
            values = self._arguments()
            with time_limit(RECORDING_SECONDS):
                return record(self.function, shape, i, j, values)
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

    def check_fitted(self) -> None:
        """Refuse a strategy that needs a fit and has none.

        Raises:
            XTransplantError: says how to make one.
        """
        if self.fitting is not None and self.fit is None:
            raise XTransplantError(
                f"strategy {self.name} needs a fit: make one with xtp fit {self._command} "
                "--task TASK -m MODEL -o FOLDER, then give it, -S fit=FOLDER"
            )

    def _arguments(self) -> dict[str, Any]:
        """What its function is called with by name: its options, and the fit as it reads it."""
        values = dict(self.values)
        if self.fit is not None:
            values["fit"] = BoundFit(self.fit, self.langs)
        return values

    @property
    def _command(self) -> str:
        """What a command takes for it."""
        own = self.function.__module__.startswith(FILE_MODULE)
        return self.origin if own else self.name

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values)
        return f"{self.name}({values})" if values else self.name


def strategy(
    name: str, *, raw: bool = False, fit: Fitting | None = None
) -> Callable[[Callable[..., Any]], Strategy]:
    """Make a strategy of a function ``(source, target, i, j, *, option: type = default)``.

    Args:
        name: what ``--strategy`` takes.
        raw: the function is a generator function ``(model, i, j, *, option: type = default)``
            with one ``yield``, and runs inside the traces of one variant: before the ``yield`` in
            that of the source, after it in that of the target. ``model`` is nnsight's, and each
            trace holds nothing but its prompt, ``[1, n_tokens, ...]``.
        fit: what is fitted to data before it can be used, a function with ``@fitted``; the
            strategy's function is then ``(source, target, i, j, fit, *, ...)``.

    Raises:
        XTransplantError: no function that can be called like this, a name that is none, an option
            of another type or without a default, or a raw function without a ``yield``.
    """
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise XTransplantError(
            f'a strategy needs a name on one line: @strategy("name"), not {name!r:.60}'
        )

    if fit is not None and (raw or not isinstance(fit, Fitting)):
        raise XTransplantError(
            f"strategy {name}: fit= takes a function with @fitted(site) above it, and a raw "
            "strategy takes none"
        )

    def decorate(function: Callable[..., Any]) -> Strategy:
        _check_kind(function, name, raw)
        own = _option_parameters(function, name, raw, fitted=fit is not None)
        options = read_options(function, own, name)
        if fit is not None:
            options = (*options, Option("fit", load_fit, None))
        path = inspect.getsourcefile(function) or ""
        module = sys.modules.get(function.__module__)
        doc = inspect.getdoc(function) or (module and inspect.getdoc(module)) or ""
        digest = source_digest(Path(path), function.__module__)
        return Strategy(name, function, options, doc, path, digest, raw=raw, fitting=fit)

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
    function: Callable[..., Any], name: str, raw: bool, *, fitted: bool
) -> list[inspect.Parameter]:
    """A function's parameters after those that the engine fills in."""
    filled = ("model", "i", "j") if raw else ("source", "target", "i", "j")
    filled = (*filled, "fit") if fitted else filled
    signature = inspect.signature(function)
    try:
        signature.bind(*filled)
    except TypeError as error:
        raise XTransplantError(
            f"strategy {name} takes {signature}, but is called with ({', '.join(filled)}): {error}"
        ) from None
    return list(signature.parameters.values())[len(filled) :]
