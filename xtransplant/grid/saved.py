"""A grid as plain data and back: every field as it was, arrays to the bit.

What a saved file says for readers (``grid.frame``) leaves out what a grid is made of; so a grid's
``.json`` has its fields too, under ``saved``, by the types that they are declared with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from xtransplant.errors import XTransplantError, one_line
from xtransplant.grid.data import GridData

__all__ = ["grid_state", "read_grid"]

_FORMAT = 1
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_DTYPES = ("bool", "float32", "float64", "int64")
G = TypeVar("G", bound=GridData)


def grid_state(grid: GridData) -> dict[str, Any]:
    """What :func:`read_grid` makes the grid from again."""
    return {"format": _FORMAT, "grid": _plain(grid)}


def read_grid(kind: type[G], path: str | Path) -> G:
    """The grid in a ``.json`` file.

    Args:
        kind: of grid.
        path: as :meth:`xtransplant.Grid.save` wrote it.

    Raises:
        XTransplantError: no such file, one that holds no grid, or one of another version.
    """
    where = repr(str(path))
    again = "save it again: grid.save('grid.json'), or xtp trace --save grid.json"
    if Path(path).suffix.lower() in (".parquet", ".csv"):
        raise XTransplantError(f"{where} has a grid's table alone; to load a grid, {again}")
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise XTransplantError(f"cannot read {where}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise XTransplantError(f"{where} is cut off, or no JSON; {again}") from error
    document = document if isinstance(document, dict) else {}
    if "swept" in document:
        raise XTransplantError(
            f"{where} has a sweep, and a grid is loaded: save one of sweep.grids, or read the file"
        )
    state = document.get("saved")
    if not isinstance(state, dict):
        raise XTransplantError(
            f"{where} has no grid to load: it is another file, or an older xtransplant's; {again}"
        )
    if state.get("format") != _FORMAT:
        raise XTransplantError(
            f"{where} has a grid of format {state.get('format')!r}, and this xtransplant reads "
            f"{_FORMAT}; take the xtransplant that saved it, or {again}"
        )
    try:
        grid: G = _made(kind, state.get("grid"), "grid")
        _check(grid)
    except (TypeError, ValueError, OverflowError) as error:
        raise XTransplantError(f"{where} is damaged: {one_line(error)}; {again}") from error
    return grid


def _plain(value: Any) -> Any:
    """Dataclasses as objects, arrays with type and shape, NaN and infinity by their names."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, np.ndarray):
        values = [_plain(one) for one in value.ravel().tolist()]
        return {"dtype": value.dtype.name, "shape": list(value.shape), "values": values}
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _made(kind: Any, value: Any, where: str) -> Any:
    """A value of a declared type from plain data.

    Raises:
        ValueError: data of another type; the message says where.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (other,) = (one for one in arguments if one is not NoneType)
        return None if value is None else _made(other, value, where)
    if origin is np.ndarray:
        return _array(value, where)
    if origin is tuple:
        return _tuple(arguments, value, where)
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record(kind, value, where)
    if origin is Literal:
        right = value in arguments
    elif kind is float:
        value = _NOT_FINITE.get(value, value) if isinstance(value, str) else value
        right = isinstance(value, float | int) and not isinstance(value, bool)
        value = float(value) if right else value
    else:
        right = type(value) is kind
    if not right:
        raise ValueError(f"{where} is {value!r:.40}")
    return value


def _record(kind: Any, value: Any, where: str) -> Any:
    hints = get_type_hints(kind)
    names = list(getattr(kind, "_fields", ())) or [one.name for one in fields(kind)]
    if isinstance(value, list):  # a named tuple
        value = dict(zip(names, value, strict=False)) if len(value) == len(names) else None
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError(f"{where} has not the fields of a {kind.__name__}")
    return kind(**{name: _made(hints[name], value[name], f"{where}.{name}") for name in names})


def _tuple(arguments: Sequence[Any], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} is {value!r:.40}")
    kinds = [arguments[0]] * len(value) if arguments[1:] == (...,) else list(arguments)
    if len(kinds) != len(value):
        raise ValueError(f"{where} has {len(value)} parts, and not {len(kinds)}")
    return tuple(
        _made(kind, one, f"{where}[{k}]")
        for k, (kind, one) in enumerate(zip(kinds, value, strict=True))
    )


def _array(value: Any, where: str) -> np.ndarray[Any, Any]:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "values"}:
        raise ValueError(f"{where} is no array")
    if value["dtype"] not in _DTYPES:
        raise ValueError(f"{where} is an array of {value['dtype']!r:.40}")
    flat = [_NOT_FINITE.get(one, one) if isinstance(one, str) else one for one in value["values"]]
    return np.array(flat, dtype=value["dtype"]).reshape(value["shape"])


def _check(grid: GridData) -> None:
    """Whether the parts go together."""
    n, example = len(grid.pairs), grid.example
    if grid.scores is None and grid.generations is None:
        raise ValueError("it has neither scores nor texts")
    if grid.scores is not None and grid.scores.logprobs.shape != (n, len(example.candidates)):
        raise ValueError(
            f"its scores are of shape {grid.scores.logprobs.shape}, for {n} layer pairs and "
            f"{len(example.candidates)} candidates"
        )
    if grid.generations is not None and len(grid.generations.outputs) != n:
        raise ValueError(f"it has {len(grid.generations.outputs)} texts for {n} layer pairs")
