"""Options of a strategy: typed keyword arguments with defaults, given as ``-S name=value``."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["Option", "nearest", "read_options"]

_EXPECTED = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: of the keyword argument.
        type: ``float``, ``int``, ``bool``, ``str`` or a ``Literal`` of texts; of a fit, the
            function that loads it.
        default: the argument's.
    """

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
            raise self._wrong(text, _EXPECTED[self.type]) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(text, "a finite number")
        return value

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
    types = typing.get_type_hints(function)
    options = []
    for parameter in parameters:
        if parameter.name not in types or parameter.default is parameter.empty:
            raise XTransplantError(
                f"option {parameter.name!r} of strategy {name} needs a type and a default, "
                f"as in: {parameter.name}: float = 0.5"
            )
        kind = types[parameter.name]
        if kind not in _EXPECTED and typing.get_origin(kind) is not typing.Literal:
            raise XTransplantError(
                f"option {parameter.name!r} of strategy {name} is of type "
                f"{getattr(kind, '__name__', kind)}; it should be float, int, bool, str or a "
                "Literal of texts"
            )
        options.append(Option(parameter.name, kind, parameter.default))
    return tuple(options)


def nearest(name: str, names: Iterable[str]) -> str:
    """`` (nearest: ...)`` with up to three names like one that is none; empty if none is."""
    near = get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f" (nearest: {', '.join(near)})" if near else ""
