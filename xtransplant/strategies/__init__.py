"""Strategies as data: recorder, edits, registry."""

from xtransplant.strategies.overlap import Clash, clashes
from xtransplant.strategies.recorder import Edit, Shape
from xtransplant.strategies.registry import (
    Strategy,
    check_verifiable,
    find_strategy,
    strategy,
    strategy_names,
)
from xtransplant.strategies.script import Script, Variant, parted
from xtransplant.strategies.values import Applied, Read, Value, apply

__all__ = [
    "Applied",
    "Clash",
    "Edit",
    "Read",
    "Script",
    "Shape",
    "Strategy",
    "Value",
    "Variant",
    "apply",
    "check_verifiable",
    "clashes",
    "find_strategy",
    "parted",
    "strategy",
    "strategy_names",
]
