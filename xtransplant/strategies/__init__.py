"""Strategies as data: recorder, edits, registry."""

from xtransplant.strategies.recorder import Edit, Shape
from xtransplant.strategies.registry import Strategy, find_strategy, strategy, strategy_names
from xtransplant.strategies.values import Applied, Read, Value, apply

__all__ = [
    "Applied",
    "Edit",
    "Read",
    "Shape",
    "Strategy",
    "Value",
    "apply",
    "find_strategy",
    "strategy",
    "strategy_names",
]
