"""What a strategy is: a named function, its options, and the edits it makes of a layer pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any, cast

from xtransplant.errors import XTransplantError
from xtransplant.strategies.acting import Acting, acting_of
from xtransplant.strategies.combine import InTurn, combined_digest, combined_doc
from xtransplant.strategies.docstring import find_formula
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.faults import last_line_in, locate_error
from xtransplant.strategies.fit import PRINTED, BoundFit, Fit
from xtransplant.strategies.fit_command import FitOn, check_made_for, command_of, needs_fit
from xtransplant.strategies.fitting import Fitting
from xtransplant.strategies.recorder import record
from xtransplant.strategies.recording import record_located
from xtransplant.strategies.script import Script
from xtransplant.strategies.shape import Shape
from xtransplant.strategies.swept_values import check_number, option_values
from xtransplant.strategies.typed_options import Option
from xtransplant.text import nearest

__all__ = ["RECORDING_SECONDS", "Strategy", "Sweep", "combine"]

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
        origin: path of its file, or the name of its notebook's cell.
        source_hash: SHA-256 of that file and the local files it imports; of a cell, of its function
            and what that names.
    """

    name: str
    function: Callable[..., Any] = field(repr=False)
    options: tuple[Option, ...] = field(repr=False)
    doc: str = field(repr=False)
    origin: str
    source_hash: str = field(repr=False)
    values: tuple[tuple[str, Any], ...] = ()
    raw: bool = False
    fitting: Fitting | None = field(default=None, repr=False)
    langs: tuple[str, str] | None = None

    @property
    def fit(self) -> Fit | None:
        """The fit that is bound to it."""
        return cast("Fit | None", self.fitting and dict(self.values).get("fit"))

    def for_languages(self, source: str, target: str) -> Strategy:
        """This strategy for examples in two languages, as codes; empty where one is not known."""
        if len(self.parts) > 1 and self.is_fitted:
            return combine([one.for_languages(source, target) for one in self.parts])
        return self if self.fitting is None else replace(self, langs=(source, target))

    @property
    def is_fitted(self) -> bool:
        """Whether it, or a part of it, takes a fit."""
        return any(one.fitting is not None for one in self.parts)

    def printable(self) -> Strategy:
        """This strategy with a fit of names alone, where it has none: enough to print its edits."""
        if len(self.parts) > 1 and any(one.fitting and one.fit is None for one in self.parts):
            return combine([one.printable() for one in self.parts])
        if self.fitting is None or self.fit is not None:
            return self
        return replace(self, values=(*self.values, ("fit", PRINTED)))

    @property
    def bound(self) -> dict[str, Any]:
        """The value of every option, defaults and those of a combination's parts included."""
        found: dict[str, Any] = {}
        for part in self.parts:
            found |= {option.name: option.default for option in part.options} | dict(part.values)
        return found

    @property
    def family(self) -> str:
        """Its name without any option: what its other values have in common with it."""
        return " + ".join(part.name for part in self.parts)

    def with_options(self, options: Mapping[str, Any] = {}, /, **more: Any) -> Strategy:
        """This strategy with options bound, by a mapping or by keyword; text is parsed.

        One given its default is as good as not given; of a combination its part's is bound.

        Raises:
            XTransplantError: no such option, one that several parts of a combination have, or a
                text that is no value of its type.
        """
        options = {**options, **more}
        self._check_known(options)
        known = {option.name: option for option in self.options}
        if len(self.parts) > 1:
            return self._with_options_of_parts(options)
        bound = dict(self.values)
        for name, value in options.items():
            bound[name] = known[name].parse(value) if isinstance(value, str) else value
            if name == "fit" and self.fitting is not None:
                check_made_for(bound[name], self.name, self.fitting, self.command)
        given = {name: value for name, value in bound.items() if value != known[name].default}
        return replace(self, values=tuple(sorted(given.items())))

    def _with_options_of_parts(self, options: Mapping[str, Any]) -> Strategy:
        """A combination with options bound, each of the one part that has it."""
        parts = list(self.parts)
        for name, value in options.items():
            having = [k for k, one in enumerate(parts) if name in {o.name for o in one.options}]
            if len(having) > 1:
                first, second = (parts[k].name for k in having[:2])
                raise XTransplantError(
                    f"option {name}={value} is of {first} and of {second}: write it behind the one "
                    f"that is meant, as in {first}({name}={value})"
                )
            parts[having[0]] = parts[having[0]].with_options({name: value})
        return combine(parts)

    @property
    def formula(self) -> str:
        """Its formula in a line, as its docstring writes it; empty where that writes none."""
        return "; ".join(found for one in self.parts if (found := find_formula(one.doc)))

    @property
    def parts(self) -> tuple[Strategy, ...]:
        """The strategies that it combines, in their order; itself alone if it combines none."""
        own = self.function.parts if isinstance(self.function, InTurn) else (self,)
        return cast("tuple[Strategy, ...]", own)

    def __add__(self, other: Strategy) -> Strategy:
        """Both as one strategy: this one's edits, then the other's; see :func:`combine`."""
        return combine([self, other]) if isinstance(other, Strategy) else NotImplemented

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
        self.check_fitted()
        at = f"layer pair {i}→{j}, "
        make = partial(record, self.function, shape, i, j, self.arguments(), self.acting)
        return record_located(make, f"strategy {self}", at, self._locate, RECORDING_SECONDS)

    def check_fitted(self, on: FitOn = FitOn()) -> None:
        """Refuse a strategy that needs a fit and has none.

        Raises:
            XTransplantError: says how to make one, on what it would be used with.
        """
        for one in self.parts:
            if one.fitting is not None and one.fit is None:
                raise XTransplantError(needs_fit(self, one, on))

    def arguments(self) -> dict[str, Any]:
        """What its function is called with by name: its options, and the fit as it reads it."""
        _, values = acting_of(self.options, dict(self.values))
        if self.fit is not None:
            values["fit"] = BoundFit(self.fit, self.langs)
        return values

    @property
    def acting(self) -> Acting:
        """When its edits act, and through what, where its function does not say so itself."""
        return acting_of(self.options, dict(self.values))[0]

    @property
    def command(self) -> str:
        """What a command takes for it."""
        return command_of(self.name, self.origin, self.function)

    def _locate(self, error: BaseException) -> str:
        """File and line of an error; of a combination, those of the part that it is of."""
        files = [one.origin for one in self.parts if last_line_in(one.origin, error)]
        return locate_error(error, files[0] if files else self.origin)

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

    def for_languages(self, source: str, target: str) -> Sweep:
        """This sweep for examples in two languages; see :meth:`Strategy.for_languages`."""
        return replace(self, strategy=self.strategy.for_languages(source, target))

    def __str__(self) -> str:
        values = (f"{name}={', '.join(map(str, found))}" for name, found in self.axes)
        return "; ".join([str(self.strategy), *values])


def combine(strategies: Iterable[Strategy]) -> Strategy:
    """Several strategies as one: the edits of each, in their order.

    It is known by their names, options and source hashes, in their order.

    Raises:
        XTransplantError: one of several is raw. That two write one place is said when the
            combination is recorded.
    """
    parts = tuple(part for one in strategies for part in one.parts)
    if len(parts) == 1:
        return parts[0]
    raw = next((one for one in parts if one.raw), None)
    if raw is not None:
        raise XTransplantError(
            f"raw strategy {raw} records no edits, so that it cannot be combined; run it by itself"
        )
    return Strategy(
        name=" + ".join(map(str, parts)),
        function=InTurn(parts),
        options=tuple(option for one in parts for option in one.options),
        doc=combined_doc(parts),
        origin=" + ".join(dict.fromkeys(one.origin for one in parts)),
        source_hash=combined_digest(parts),
    )
