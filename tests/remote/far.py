"""Grids of a model that is on a server."""

from tiny import EXAMPLE

from xtransplant import transplant
from xtransplant.engine import verify
from xtransplant.engine.verify import packing_for


def grid(model, strategy="attn-swap", **options):
    return transplant(model, EXAMPLE, strategy, **options)


def warm(model, packed):
    """Take over what the check of packing found before, as one long session would."""
    if "check" not in packed:
        packed["check"] = packing_for(model)
    verify._CHECKS[model] = packed["check"]
