"""xtransplant: cross-lingual activation transplantation, every layer pair in one forward pass."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xtransplant.errors import XTransplantError
    from xtransplant.prompts import Example
    from xtransplant.strategies import apply, strategy

# Where each public name lives. They are imported on first use, so that `import xtransplant`
# (and with it `xtp --help`) does not wait for torch and transformers.
_HOMES = {
    "Example": "xtransplant.prompts",
    "XTransplantError": "xtransplant.errors",
    "apply": "xtransplant.strategies",
    "strategy": "xtransplant.strategies",
}

__version__ = "0.1.0"
__all__ = ["Example", "XTransplantError", "apply", "strategy"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'xtransplant' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
