"""A strategy as data: which activations of the source's run are written where in the target's.

``@strategy`` (``definition``) makes a :class:`Strategy` of a function. ``record`` (``recorder``)
calls that function with recorders and gives its edits. ``find_strategy`` (``registry``) finds a
strategy by name or file. Nothing here knows a model.
"""

from xtransplant.strategies.definition import Strategy, Sweep, combine, strategy
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.expression import split_names
from xtransplant.strategies.overlap import Clash, find_clashes
from xtransplant.strategies.places import LAST, Read, Span
from xtransplant.strategies.registry import find_strategy, strategy_names, sweep_options
from xtransplant.strategies.script import Script, Variant, split_scripts
from xtransplant.strategies.shape import Shape
from xtransplant.strategies.tensors import Fixed
from xtransplant.strategies.typed_options import Axis
from xtransplant.strategies.values import Applied, Value, apply, fixed
from xtransplant.strategies.verifiable import check_verifiable

__all__ = [
    "LAST",
    "Applied",
    "Axis",
    "Clash",
    "Edit",
    "Fixed",
    "Read",
    "Script",
    "Shape",
    "Span",
    "Strategy",
    "Sweep",
    "Value",
    "Variant",
    "apply",
    "check_verifiable",
    "combine",
    "find_clashes",
    "find_strategy",
    "fixed",
    "split_names",
    "split_scripts",
    "strategy",
    "strategy_names",
    "sweep_options",
]
