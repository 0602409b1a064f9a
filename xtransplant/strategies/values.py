"""Symbolic values: what a strategy computes with before anything has run.

A value is a weighted sum of terms plus a constant. A term is a read (one site, layer and span of
tokens of one prompt), a tensor that was there before (fitted, say), or a function applied to
values. Sums and scalings stay sums, so they travel as indices and coefficients; only a function of
the user's own travels as code.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xtransplant.errors import InvalidStrategy, XTransplantError
from xtransplant.strategies.linear import map_rows, project_rows
from xtransplant.strategies.places import Read
from xtransplant.strategies.tensors import Fixed, make_fixed
from xtransplant.strategies.unfinished import SYMBOLIC, Unfinished

__all__ = ["Applied", "Value", "apply", "as_value", "fixed"]


@dataclass(frozen=True, eq=False)
class Applied:
    """A function of the user's, applied row by row to values.

    Attributes:
        function: takes one tensor ``[rows, width]`` per argument and returns one of that shape.
        arguments: what it is called with.
        matrices: what it is called with after these, the same for all rows.
        shown: how it is printed, with a place for each of both; empty: ``function(arguments)``.
    """

    function: Callable[..., Any]
    arguments: tuple[Value, ...]
    matrices: tuple[Fixed, ...] = ()
    shown: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Applied) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        arguments = tuple(one.key for one in self.arguments)
        return self.function, arguments, self.matrices, self.shown

    def __str__(self) -> str:
        texts = list(map(str, (*self.arguments, *self.matrices)))
        if self.shown:
            return self.shown.format(*(f"({one})" if " " in one else one for one in texts))
        name = getattr(self.function, "__name__", "function")
        return f"{name}({', '.join(texts)})"


Term = Read | Fixed | Applied


@dataclass(frozen=True, eq=False)
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

    def __matmul__(self, other: Value) -> Value:
        """A matrix times each row of a value: ``fit["map"][j] @ target.ffn[j]``.

        Raises:
            XTransplantError: this is no square matrix, or the other no value.
        """
        matrix = self._matrix(other)
        if matrix.shape and matrix.shape[0] != matrix.shape[-1]:
            raise XTransplantError(
                f"{matrix} @ ... needs a square matrix, not one of shape {list(matrix.shape)}; "
                f"{matrix}.project(value) projects on the span of its rows"
            )
        return Value(((1.0, Applied(map_rows, (other,), (matrix,), "{1} @ {0}")),))

    def project(self, other: Value) -> Value:
        """The projection of each row of a value on the span of this matrix's orthonormal rows.

        Raises:
            XTransplantError: this is no matrix, or the other no value.
        """
        matrix = self._matrix(other)
        return Value(((1.0, Applied(project_rows, (other,), (matrix,), "{1}.project({0})")),))

    def _matrix(self, other: object) -> Fixed:
        """The matrix that this is, to be multiplied with another value."""
        single = len(self.terms) == 1 and not self.constant
        weight, term = self.terms[0] if single else (0.0, None)
        if weight != 1.0 or not isinstance(term, Fixed) or len(term.shape) == 1:
            raise XTransplantError(
                f"{self} is no matrix: @ and project take a fitted one, as in "
                'fit["map"][j] @ target.ffn[j]'
            )
        if isinstance(other, Unfinished):
            other.refuse()
        if not isinstance(other, Value):
            raise XTransplantError(
                f"{term} is multiplied with what is read, as in {term} @ target.ffn[j], not with "
                f"{type(other).__name__}"
            )
        return term

    def _scaled(self, factor: float) -> Value:
        if factor == 0.0:
            return Value()
        terms = tuple((weight * factor, term) for weight, term in self.terms)
        return Value(terms, self.constant * factor)

    def __bool__(self) -> bool:
        """Refused: Python takes any object for true, so that an ``if`` would go one way for all.

        Raises:
            InvalidStrategy: always.
        """
        raise InvalidStrategy(f"{self!s:.60} is asked for yes or no (if, and, not): {SYMBOLIC}")

    def __eq__(self, other: object) -> bool:
        """Refused: it could say whether two are written alike, not whether their numbers are.

        Raises:
            InvalidStrategy: always.
        """
        raise InvalidStrategy(f"{self!s:.60} is compared (==, !=, in): {SYMBOLIC}")

    __hash__ = None  # type: ignore[assignment]  # what cannot be compared is no key

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for values that are written alike, for what holds them and is compared."""
        return self.terms, self.constant

    def reads(self) -> tuple[Read, ...]:
        """Every read this value depends on, through functions too."""
        found: dict[Read, None] = {}
        for _, term in self.terms:
            if isinstance(term, Read):
                found[term] = None
            elif isinstance(term, Applied):
                found.update((read, None) for value in term.arguments for read in value.reads())
        return tuple(found)

    def fixed(self) -> tuple[Fixed, ...]:
        """Every tensor it is computed with that was there before, through functions too.

        Raises:
            XTransplantError: a matrix where a vector should be.
        """
        found: dict[Fixed, None] = {}
        for _, term in self.terms:
            if isinstance(term, Fixed):
                if len(term.shape) > 1:
                    raise XTransplantError(
                        f"{term} has shape {list(term.shape)}: only @ and project take a matrix"
                    )
                found[term] = None
            elif isinstance(term, Applied):
                found.update((one, None) for value in term.arguments for one in value.fixed())
                found.update((one, None) for one in term.matrices)
        return tuple(found)

    def __str__(self) -> str:
        plain = {1.0: "", -1.0: "-"}
        parts = [plain.get(weight, f"{weight:g} * ") + str(term) for weight, term in self.terms]
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
    if isinstance(value, Unfinished):
        value.refuse()
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


def fixed(values: Any, name: str) -> Value:
    """A tensor of your own as a value, to be written, added or multiplied with.

    It is the same at every token and example. A run's identity does not know what it holds; what is
    fitted to data belongs in a fit (docs/strategies.md), which it does.

    Args:
        values: floating-point numbers, ``[d_model]`` (``[head_dim]`` for site ``head``); or a
            matrix ``[n, d_model]``, for ``@`` and ``project``.
        name: what it is called where the strategy is printed.

    Raises:
        XTransplantError: anything else, or numbers that are not finite.
    """
    return Value(((1.0, make_fixed(values, name)),))
