"""Several values of one option: ``0,0.25,0.5``, ``0:1:0.25``, or a list of them."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.strategies.typed_options import Option

__all__ = ["MOST_VALUES", "check_number", "option_values"]

MOST_VALUES = 256
"""Of a sweep: a run holds each as a strategy of its own."""


def option_values(option: Option, given: Any) -> tuple[Any, ...]:
    """The values that are given for an option; one is a single value.

    Args:
        option: which.
        given: text (``0:1:0.25`` runs from 0 to 1 in steps of 0.25, both ends in; ``0,0.5`` are two
            values, ``all`` those that the option declares or a Literal's choices; of an option that
            holds text it is one value, whatever is in it), a value, or a sequence of values.

    Raises:
        XTransplantError: none of its type, one that is there twice, too many, or steps that do not
            come to their end.
    """
    if isinstance(given, str):
        values = _read(option, given)
    else:
        several = isinstance(given, Iterable)
        values = tuple(option.check(one) for one in (given if several else [given]))
    if not values:
        raise XTransplantError(
            f"option {option.name} is given no value; give some, or leave it out"
        )
    twice = [value for number, value in enumerate(values) if value in values[:number]]
    if twice:
        raise XTransplantError(
            f"option {option.name}: {twice[0]} is there twice; give each value once"
        )
    check_number(len(values), f"option {option.name}")
    return values


def check_number(count: int, what: str) -> None:
    """Refuse more values than a sweep may have.

    Raises:
        XTransplantError: there are more.
    """
    if count > MOST_VALUES:
        raise XTransplantError(
            f"{what} has {count:,} values, and a sweep takes {MOST_VALUES}; give fewer, or a "
            "greater step"
        )


def _read(option: Option, text: str) -> tuple[Any, ...]:
    if option.type is str or text in typing.get_args(option.type):
        return (option.parse(text),)
    if text == "all":
        return _every(option)
    if option.type in (int, float) and ":" in text:
        return _range(option, text)
    return tuple(option.parse(part.strip()) for part in text.split(","))


def _every(option: Option) -> tuple[Any, ...]:
    """The choices of a Literal, false and true, or the axis that an option declares."""
    if typing.get_args(option.type):
        return typing.get_args(option.type)
    if option.type is bool:
        return (False, True)
    if option.axis is None:
        raise XTransplantError(
            f"option {option.name} declares no values of its own to be swept over; give some: "
            f"-S {option.name}=0:1:0.25, or between commas"
        )
    return _range(option, str(option.axis))


def _range(option: Option, text: str) -> tuple[Any, ...]:
    """``start:stop:step``, both ends in, in decimal arithmetic: 0.1 is no binary number."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 3:
        raise XTransplantError(
            f"option {option.name}={text[:60]!r} should be START:STOP:STEP, both ends in, such as "
            f"-S {option.name}=0:4:1"
        )
    for part in parts:
        option.parse(part)
    start, stop, step = map(Decimal, parts)
    if step == 0:
        raise XTransplantError(
            f"option {option.name}={text[:60]!r} has a step of 0; START:STOP:STEP needs another, "
            f"such as -S {option.name}=0:4:1"
        )
    steps = (stop - start) / step
    if steps < 0:
        raise XTransplantError(
            f"option {option.name}={text[:60]!r} steps away from its end: with a step of {step} "
            f"{stop} is not reached from {start}"
        )
    # Before they are made: 0:1:1e-9 would be a billion.
    check_number(int(steps) + 1, f"option {option.name}={text[:60]!r}")
    values = tuple(option.type(start + k * step) for k in range(int(steps) + 1))
    if steps != int(steps):
        raise XTransplantError(
            f"option {option.name}={text[:60]!r} does not come to its end {stop} in steps of "
            f"{step}; both ends are in, so give another step, or the values: "
            f"-S {option.name}={_spelled(values)}"
        )
    return values


def _spelled(values: Sequence[Any]) -> str:
    shown = ",".join(f"{value:g}" for value in values[:6])
    return shown + ",..." * (len(values) > 6)
