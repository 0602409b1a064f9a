"""xtransplant: cross-lingual activation transplantation, every layer pair in one forward pass."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xtransplant.engine.capture import capture
    from xtransplant.engine.generate import generate
    from xtransplant.engine.score import score
    from xtransplant.engine.verify import verify_packing
    from xtransplant.errors import XTransplantError
    from xtransplant.grid.grid import Grid
    from xtransplant.grid.transplant import transplant, transplant_many
    from xtransplant.model.families import Family
    from xtransplant.model.load import load
    from xtransplant.model.model import Model
    from xtransplant.prompts import Example
    from xtransplant.strategies import apply, find_strategy, strategy

__version__ = "0.1.0"
__all__ = [
    "Example",
    "Family",
    "Grid",
    "Model",
    "XTransplantError",
    "apply",
    "capture",
    "find_strategy",
    "generate",
    "load",
    "score",
    "strategy",
    "transplant",
    "transplant_many",
    "verify_packing",
]

# Where each public name lives. They are imported on first use, so that `import xtransplant`
# (and with it `xtp --help`) does not wait for torch and transformers.
_HOMES = {
    "Example": "prompts",
    "Family": "model.families",
    "Grid": "grid.grid",
    "Model": "model.model",
    "XTransplantError": "errors",
    "apply": "strategies",
    "capture": "engine.capture",
    "find_strategy": "strategies",
    "generate": "engine.generate",
    "load": "model.load",
    "score": "engine.score",
    "strategy": "strategies",
    "transplant": "grid.transplant",
    "transplant_many": "grid.transplant",
    "verify_packing": "engine.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'xtransplant' has no attribute {name!r}")
    return getattr(importlib.import_module(f"xtransplant.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
