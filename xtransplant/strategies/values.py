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
from dataclasses import dataclass
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.strategies.places import Read

__all__ = ["Applied", "Value", "apply", "as_value"]


@dataclass(frozen=True)
class Applied:
    """A function of the user's, applied row by row to values.

    Attributes:
        function: takes one tensor ``[rows, width]`` per argument and returns one of that shape.
        arguments: what it is called with.
    """

    function: Callable[..., Any]
    arguments: tuple[Value, ...]

    def __str__(self) -> str:
        name = getattr(self.function, "__name__", "function")
        return f"{name}({', '.join(map(str, self.arguments))})"


Term = Read | Applied


@dataclass(frozen=True)
class Value:
    """``sum(weight * term) + constant``, broadcast over the rows (tokens) of its terms.

    Attributes:
        terms: weights and terms; no term twice.
        constant: added to every number.
    """

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
    """A value as it is, a number as a constant value.

    Raises:
        XTransplantError: neither, or a number that is not finite.
    """
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
