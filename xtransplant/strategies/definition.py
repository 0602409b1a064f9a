"""What a strategy is, and ``@strategy``, which makes one of a function."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, cast

from xtransplant.compat.nnsight_sources import forget_source
from xtransplant.errors import MissingSite, XTransplantError
from xtransplant.strategies.cells import cell_digest
from xtransplant.strategies.combine import InTurn, combined_digest, combined_doc
from xtransplant.strategies.docstring import find_formula
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.faults import (
    TimeLimitExceeded,
    describe_error,
    last_line_in,
    locate_error,
    time_limit,
)
from xtransplant.strategies.identity import source_digest
from xtransplant.strategies.recorder import record
from xtransplant.strategies.script import Script
from xtransplant.strategies.shape import Shape
from xtransplant.strategies.signature import check_kind, option_parameters
from xtransplant.strategies.swept_values import check_number, option_values
from xtransplant.strategies.typed_options import Option, read_options
from xtransplant.text import nearest

__all__ = ["RECORDING_SECONDS", "Strategy", "Sweep", "combine", "strategy"]

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
        origin: path of its file, or the name of its notebook's cell.
        source_hash: SHA-256 of that file and the local files it imports; of a cell, of its function
            and what that names.
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
        """The value of every option, defaults and those of a combination's parts included."""
        found: dict[str, Any] = {}
        for part in self.parts:
            found |= {option.name: option.default for option in part.options} | dict(part.values)
        return found

    @property
    def family(self) -> str:
        """Its name without any option: what its other values have in common with it."""
        return " + ".join(part.name for part in self.parts)

    def with_options(self, options: Mapping[str, Any]) -> Strategy:
        """This strategy with options bound; text is parsed by the option's type.

        An option that is given its default is as good as not given. One of a combination is bound
        in the part that has it.

        Raises:
            XTransplantError: no such option, one that several parts of a combination have, or a
                text that is no value of its type.
        """
        self._check_known(options)
        known = {option.name: option for option in self.options}
        if len(self.parts) > 1:
            return self._with_options_of_parts(options)
        bound = dict(self.values)
        for name, value in options.items():
            bound[name] = known[name].parse(value) if isinstance(value, str) else value
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
        at = f"layer pair {i}→{j}, "
        try:
            with time_limit(RECORDING_SECONDS):
                return record(self.function, shape, i, j, dict(self.values))
        except KeyboardInterrupt:
            raise
        except XTransplantError as error:
            place = self._locate(error)
            # A layer that has not the site is no fault of the strategy: callers tell them apart.
            kind = MissingSite if isinstance(error, MissingSite) else XTransplantError
            raise kind(f"strategy {self}, {at}{place}: {error}") from error
        except TimeLimitExceeded as error:
            raise XTransplantError(
                f"strategy {self} is still recording after {RECORDING_SECONDS:g} s at {at}"
                f"{self._locate(error)}: is there a loop without an end?"
            ) from error
        except BaseException as error:  # SystemExit too
            place, words = self._locate(error), describe_error(error)
            raise XTransplantError(f"strategy {self} fails at {at}{place}: {words}") from error

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
        check_kind(function, name, raw)
        options = read_options(function, option_parameters(function, name, raw), name)
        # A cell of a notebook has a name like a file's, and is none.
        path = inspect.getsourcefile(function) or inspect.unwrap(function).__code__.co_filename
        in_file = Path(path).is_file()
        module = sys.modules.get(function.__module__) if in_file else None
        doc = inspect.getdoc(function) or (module and inspect.getdoc(module)) or ""
        if in_file:
            digest = source_digest(Path(path), function.__module__)
        else:
            digest = cell_digest(function)
        if raw:
            forget_source(path)
        return Strategy(name, function, options, doc, path, digest, raw=raw)

    return decorate
