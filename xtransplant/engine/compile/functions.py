"""Functions of a strategy's author, and the check of what they return when a trace calls them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from xtransplant.compat.nnsight import send_by_value
from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.errors import XTransplantError
from xtransplant.strategies import linear
from xtransplant.strategies.faults import describe_error, last_line_in

__all__ = ["check_result"]


def check_result(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function given to ``apply``, with its result checked, for a trace in this process.

    Args:
        function: of tensors ``[n, width]``, which returns one of that shape.

    Raises:
        XTransplantError: when called: it fails, or returns anything but floating-point numbers in
            its first argument's shape; names the function, its file and line.
    """
    return partial(_called, function)


def _called(function: Callable[..., Any], *rows: Any) -> Any:
    try:
        result = function(*rows)
    except (KeyboardInterrupt, XTransplantError):
        raise
    except BaseException as error:
        if is_out_of_memory(error):
            raise
        raise XTransplantError(
            f"{_named(function, error)} fails: {describe_error(error)}"
        ) from error
    shape = list(rows[0].shape) if rows else None
    if not isinstance(result, torch.Tensor):
        raise XTransplantError(
            f"{_named(function)} returns {type(result).__name__}, not a tensor of shape {shape}"
        )
    if result.is_nested or result.layout != torch.strided or result.device != rows[0].device:
        raise XTransplantError(
            f"{_named(function)} returns a tensor that is nested, sparse or on another device; it "
            f"should return a plain one of shape {shape} on {rows[0].device}"
        )
    if list(result.shape) != shape or not result.is_floating_point():
        kind = str(result.dtype).removeprefix("torch.")
        raise XTransplantError(
            f"{_named(function)} returns {kind} of shape {list(result.shape)}; it should return "
            f"floating-point numbers of shape {shape}, one row for each row it is given"
        )
    return result.detach()


def _named(function: Callable[..., Any], error: BaseException | None = None) -> str:
    """``apply(name), FILE line N``: the line where it failed, else where its code begins."""
    name = getattr(function, "__name__", type(function).__name__)
    code = getattr(function, "__code__", None)
    if code is None:
        return f"apply({name})"
    line = None if error is None else last_line_in(code.co_filename, error)
    return f"apply({name}), {code.co_filename} line {line or code.co_firstlineno},"


send_by_value(linear)
