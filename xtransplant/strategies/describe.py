"""What ``xtp show`` prints of a strategy: its docstring, the edits it records, its options."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from xtransplant.errors import InvalidStrategy, XTransplantError
from xtransplant.options import parse_assignments
from xtransplant.strategies.acting import WHEN
from xtransplant.strategies.definition import Strategy, combine
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.fit import Fit, load_fit
from xtransplant.strategies.formula import in_lines
from xtransplant.strategies.places import ALIGNED, MEAN
from xtransplant.strategies.registry import find_strategy
from xtransplant.strategies.shape import Shape
from xtransplant.strategies.typed_options import Option

__all__ = [
    "describe",
    "reads_mean",
    "reads_source",
    "refuse_invalid",
    "type_name",
    "writes_aligned",
]

# Any shape and pair serve, as edits are shown with i and j; few strategies need more layers.
_SHAPE, _SOURCE, _TARGET = Shape(n_layers=48, n_heads=64), 11, 23
_STEPS = "prefill | decode | all | first(N)"  # what WHEN takes, a text


def describe(name: str, options: Sequence[str] = ()) -> dict[str, Any]:
    """A strategy as plain data, ready for JSON.

    Args:
        name: as :func:`find_strategy` takes it.
        options: bound ones, each as ``NAME=VALUE``.

    Returns:
        ``name``, ``doc``, ``origin`` (its file), ``raw``, ``records`` (the text of each edit, of
        those that differ in the head's number one),
        ``fit`` (what is captured for it; empty if nothing is fitted), and ``options`` and
        ``fit_options``: the name, type and default of each.

    Raises:
        XTransplantError: no such strategy or option, or it records nothing.
    """
    strategy = find_strategy(name).with_options(parse_assignments(options))
    fitting, bound = strategy.fitting, dict(strategy.values)
    edits = () if strategy.raw else strategy.printable().edits(_SHAPE, _SOURCE, _TARGET)
    return {
        "name": strategy.name,
        "doc": strategy.doc,
        "origin": strategy.origin,
        "raw": strategy.raw,
        "records": in_lines(edits, _SHAPE.n_heads),
        "options": _described(strategy.options, bound),
        "fit": "" if fitting is None else str(fitting),
        "fit_options": [] if fitting is None else _described(fitting.options, {}),
    }


def _described(options: Iterable[Option], bound: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": option.name,
            "type": _STEPS if option == WHEN else type_name(option.type),
            "default": _plain(bound.get(option.name, option.default)),
        }
        for option in options
    ]


def _plain(value: Any) -> Any:
    """A value as JSON takes it."""
    return value.path if isinstance(value, Fit) else value


def refuse_invalid(strategy: Strategy) -> None:
    """Refuse a strategy that can be recorded in no model, before one is loaded.

    Raises:
        InvalidStrategy: such as a misspelt site or name; says its file and line.
    """
    if strategy.raw:
        return
    try:
        strategy.printable().edits(_SHAPE, _SOURCE, _TARGET)
    except InvalidStrategy:
        raise
    except XTransplantError:
        return  # another model may have what this one, which is none, has not


def reads_mean(strategy: Strategy) -> bool | None:
    """Whether a strategy takes the mean over several source prompts; None where that is not known.

    Raw strategies and those that cannot be recorded without a model are not known.
    """
    prompts = _prompts_read(strategy)
    return None if prompts is None else MEAN in prompts


def reads_source(strategy: Strategy) -> bool | None:
    """Whether a strategy reads any source prompt; None where that is not known."""
    prompts = _prompts_read(strategy)
    return None if prompts is None else not prompts.isdisjoint(("source", MEAN))


def writes_aligned(strategy: Strategy) -> bool:
    """Whether a strategy writes at aligned words; of one that is not known, no."""
    return any(edit.span == ALIGNED for edit in _printed(strategy) or ())


def _prompts_read(strategy: Strategy) -> set[str] | None:
    edits = _printed(strategy)
    return None if edits is None else {read.prompt for edit in edits for read in edit.value.reads()}


def _printed(strategy: Strategy) -> tuple[Edit, ...] | None:
    """What a strategy records in some model; None where that is not known."""
    if strategy.raw:
        return None
    try:
        return _unfitted(strategy).printable().edits(_SHAPE, _SOURCE, _TARGET)
    except XTransplantError:
        return None


def _unfitted(strategy: Strategy) -> Strategy:
    """A strategy without its fit, which has no vectors for the layers that it is recorded at."""
    return combine(
        replace(one, values=tuple(pair for pair in one.values if pair[0] != "fit"))
        if one.fitting is not None
        else one
        for one in strategy.parts
    )


def type_name(kind: Any) -> str:
    """How an option's type reads in help: ``float``, or the choices of a Literal."""
    if kind is load_fit:
        return "a folder that xtp fit wrote"
    if typing.get_origin(kind) is typing.Literal:
        return " | ".join(map(str, typing.get_args(kind)))
    return str(getattr(kind, "__name__", kind))
