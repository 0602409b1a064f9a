"""Symbolic values: what a strategy computes with before anything has run.

A value is a weighted sum of terms plus a constant. A term is a read (one site, layer and span of
tokens of one prompt) or a function applied to values. Sums and scalings stay sums, so they travel
as indices and coefficients; only a function of the user's own travels as code.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from xtransplant.errors import XTransplantError
from xtransplant.sites import Site

__all__ = ["LAST", "Applied", "Layer", "Read", "Span", "Value", "apply"]


_LONG = 2**40  # tokens, more than any prompt has


class Layer(int):
    """A layer number that remembers how the strategy's author would write it."""

    label: str

    def __new__(cls, number: int, label: str = "") -> Layer:
        layer = super().__new__(cls, number)
        layer.label = label or str(number)
        return layer

    def __add__(self, other: int) -> Layer:
        return Layer(int(self) + int(other), f"{self.label} + {other}")

    def __sub__(self, other: int) -> Layer:
        return Layer(int(self) - int(other), f"{self.label} - {other}")


@dataclass(frozen=True)
class Span:
    """Tokens of a prompt: ``start`` to ``stop`` (exclusive), negative from the end, None open."""

    start: int | None
    stop: int | None

    def resolve(self, length: int, what: str) -> range:
        """Token indices in a prompt of ``length`` tokens; an error if it holds none or too few."""
        for bound in (self.start, self.stop):
            if bound is not None and not -length <= bound <= length:
                raise XTransplantError(
                    f"{what} reaches token {bound}, but the prompt has {length} tokens"
                )
        indices = range(length)[slice(self.start, self.stop)]
        if not indices:
            raise XTransplantError(f"{what} names no token of a prompt of {length} tokens")
        return indices

    def shares(self, other: Span, length: int) -> bool:
        """Whether both name some token of a prompt of ``length`` tokens."""
        one, two = (range(length)[slice(span.start, span.stop)] for span in (self, other))
        return max(one.start, two.start) < min(one.stop, two.stop)

    def always_shares(self, other: Span) -> bool:
        """Whether both name some token of every prompt that is long enough for both.

        False where that depends on the length: one counts from the start, the other from the end.
        """
        bounds = [b for b in (self.start, self.stop, other.start, other.stop) if b is not None]
        alike = all(bound < 0 for bound in bounds) or all(bound >= 0 for bound in bounds)
        either = (None, None) in ((self.start, self.stop), (other.start, other.stop))
        return either or (alike and self.shares(other, _LONG))

    def __str__(self) -> str:
        if self.start is not None and self.stop == _after(self.start):
            return str(self.start)
        return (
            f"{'' if self.start is None else self.start}:{'' if self.stop is None else self.stop}"
        )


def _after(index: int) -> int | None:
    return None if index == -1 else index + 1


def span(key: int | slice) -> Span:
    """The span that an index or slice in a strategy's brackets means."""
    if isinstance(key, slice):
        if key.step not in (None, 1):
            raise XTransplantError(f"a span of tokens takes no step, got {key.step}")
        return Span(_bound(key.start), _bound(key.stop))
    index = _bound(key)
    assert index is not None
    return Span(index, _after(index))


def _bound(token: Any) -> int | None:
    try:
        if not isinstance(token, bool):
            return None if token is None else operator.index(token)
    except TypeError:
        pass
    raise XTransplantError(
        f"tokens are counted in whole numbers, as in [j, -1] or [j, 2:5], not {token!r:.60}"
    )


LAST = Span(-1, None)


@dataclass(frozen=True)
class Read:
    """One site of one prompt at one layer, over a span of tokens; ``head`` for site ``head``."""

    prompt: Literal["source", "target"]
    site: Site
    layer: int
    span: Span
    head: int | None = None
    label: str = field(default="", compare=False)

    def __str__(self) -> str:
        site = self.site if self.head is None else f"{self.site}({self.head})"
        tokens = "" if self.span == LAST else f", {self.span}"
        return f"{self.prompt}.{site}[{self.label or self.layer}{tokens}]"


@dataclass(frozen=True)
class Applied:
    """A function of the user's, applied row by row to values."""

    function: Callable[..., Any]
    arguments: tuple[Value, ...]

    def __str__(self) -> str:
        name = getattr(self.function, "__name__", "function")
        return f"{name}({', '.join(map(str, self.arguments))})"


Term = Read | Applied


@dataclass(frozen=True)
class Value:
    """``sum(weight * term) + constant``."""

    terms: tuple[tuple[float, Term], ...] = ()
    constant: float = 0.0

    def __add__(self, other: Value | float) -> Value:
        other = as_value(other)
        weights: dict[Term, float] = {}
        for weight, term in (*self.terms, *other.terms):
            weights[term] = weights.get(term, 0.0) + weight
        terms = tuple((weight, term) for term, weight in weights.items() if weight != 0.0)
        return Value(terms, self.constant + other.constant)

    __radd__ = __add__

    def __neg__(self) -> Value:
        return self._scaled(-1.0)

    def __sub__(self, other: Value | float) -> Value:
        return self + (-as_value(other))

    def __rsub__(self, other: float) -> Value:
        return as_value(other) + (-self)

    def __mul__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            return apply(operator.mul, self, other)
        return self._scaled(_number(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Value | float) -> Value:
        if isinstance(other, Value):
            return apply(operator.truediv, self, other)
        divisor = _number(other)
        if divisor == 0.0:
            raise XTransplantError("a value is divided by 0; leave such layer pairs out")
        return self._scaled(1.0 / divisor)

    def _scaled(self, factor: float) -> Value:
        if factor == 0.0:
            return Value()
        terms = tuple((weight * factor, term) for weight, term in self.terms)
        return Value(terms, self.constant * factor)

    def reads(self) -> tuple[Read, ...]:
        """Every read this value depends on, through functions too."""
        found: dict[Read, None] = {}
        for _, term in self.terms:
            if isinstance(term, Read):
                found[term] = None
            else:
                found.update((read, None) for value in term.arguments for read in value.reads())
        return tuple(found)

    def __str__(self) -> str:
        parts = [
            str(term) if weight == 1.0 else f"{weight:g} * {term}" for weight, term in self.terms
        ]
        if self.constant or not parts:
            parts.append(f"{self.constant:g}")
        return " + ".join(parts).replace("+ -", "- ")


def as_value(value: Value | float) -> Value:
    """A number as a constant value; anything else that is no value is an error."""
    if isinstance(value, Value):
        return value
    return Value(constant=_number(value))


def _number(value: Any) -> float:
    """A number to add, scale by or write; a tensor, a text, True or NaN is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise XTransplantError(
            f"a strategy writes reads of source and target, sums of them, or numbers, "
            f"not {type(value).__name__}; for another function use xtransplant.apply(function, "
            "value)"
        )
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise XTransplantError(f"a strategy computes with finite numbers, not {number}")
    return number


def apply(function: Callable[..., Any], *values: Value | float) -> Value:
    """``function`` of symbolic values, for what sums and scalings cannot say.

    Args:
        function: takes one tensor ``[rows, d_model]`` per value (``[rows, head_dim]`` for site
            ``head``) and returns one of that shape; a row is one token of one variant, and the
            function must treat each row by itself. It is called inside the model's trace.
        values: what it is called with.

    Raises:
        XTransplantError: no function, or no value to call it with.
    """
    if not callable(function) or not values:
        raise XTransplantError(
            f"apply takes a function and the values it is called with, as in apply(torch.relu, "
            f"source.attn[i]), not {function!r:.60}"
        )
    return Value(((1.0, Applied(function, tuple(as_value(value) for value in values))),))
