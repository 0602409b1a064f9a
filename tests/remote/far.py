"""Grids of a model that is on a server."""

from dataclasses import replace
from typing import Any

from tiny import ALIGNED

from xtransplant import Grid, Model, transplant
from xtransplant.engine import verify
from xtransplant.engine.verify import packing_for
from xtransplant.strategies import Strategy


def grid(model: Model, strategy: Strategy | str = "attn-swap", **options: Any) -> Grid:
    """The grid of an example that all tests share, and that says in which languages it is."""
    example = replace(ALIGNED, source_lang="en", target_lang="sw")
    return transplant(model, example, strategy, **options)


def warm(model: Model, packed: dict[str, Any]) -> None:
    """Take over what the check of packing found before, as one long session would."""
    if "check" not in packed:
        packed["check"] = packing_for(model)
    verify._CHECKS[model] = packed["check"]
