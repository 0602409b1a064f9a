"""Options of a strategy: typed keyword arguments with defaults, given as ``-S name=value``."""

from __future__ import annotations

import inspect
import math
import numbers
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["Axis", "Option", "read_options"]

_EXPECTED = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


@dataclass(frozen=True)
class Axis:
    """Values that an option is to be swept over unless others are given.

    They run from ``start`` to ``stop``, both in, in steps of ``step``; an option declares them as
    ``weight: Annotated[float, Axis(0, 1, 0.25)] = 0.5``.
    """

    start: float
    stop: float
    step: float

    def __str__(self) -> str:
        return f"{self.start}:{self.stop}:{self.step}"


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: of the keyword argument.
        type: ``float``, ``int``, ``bool``, ``str`` or a ``Literal`` of texts.
        default: the argument's.
        axis: what it is swept over by ``-S name=all``; a ``Literal`` over its choices.
    """

    name: str
    type: Any
    default: Any
    axis: Axis | None = None

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
            raise self._wrong(text, _EXPECTED[self.type]) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(text, "a finite number")
        return value

    def check(self, value: Any) -> Any:
        """A value given in Python, as one of this option's type; text is parsed.

        Raises:
            XTransplantError: it is none; a number that is not finite is none either.
        """
        if isinstance(value, str):
            return self.parse(value)
        if isinstance(value, numbers.Real) and self.type in (int, float, bool):
            try:
                found = self.type(value)
            except (OverflowError, ValueError):  # int of an infinity or of NaN
                raise self._wrong(str(value), "a finite number") from None
            if found == value and abs(found) < math.inf:
                return found
        right = " or ".join(map(str, typing.get_args(self.type))) or _EXPECTED[self.type]
        raise self._wrong(str(value), right)

    def _wrong(self, text: str, right: str) -> XTransplantError:
        return XTransplantError(
            f"option {self.name}={text[:60]!r} should be {right}, such as "
            f"-S {self.name}={self.default}"
        )


def read_options(
    function: Callable[..., Any], parameters: Iterable[inspect.Parameter], name: str
) -> tuple[Option, ...]:
    """The options that some parameters of a strategy's function are.

    Args:
        function: gives the parameters' types.
        parameters: all that are not filled in by the engine.
        name: the strategy's, for messages.

    Raises:
        XTransplantError: one without a type or a default, or of another type.
    """
    types = typing.get_type_hints(function, include_extras=True)
    options = []
    for parameter in parameters:
        if parameter.name not in types or parameter.default is parameter.empty:
            raise XTransplantError(
                f"option {parameter.name!r} of strategy {name} needs a type and a default, "
                f"as in: {parameter.name}: float = 0.5"
            )
        kind, axis = types[parameter.name], None
        if typing.get_origin(kind) is typing.Annotated:
            kind, *more = typing.get_args(kind)
            axis = next((one for one in more if isinstance(one, Axis)), None)
        if kind not in _EXPECTED and typing.get_origin(kind) is not typing.Literal:
            raise XTransplantError(
                f"option {parameter.name!r} of strategy {name} is of type "
                f"{getattr(kind, '__name__', kind)}; it should be float, int, bool, str or a "
                "Literal of texts"
            )
        options.append(Option(parameter.name, kind, parameter.default, axis))
    return tuple(options)
