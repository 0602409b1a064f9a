"""What an author of strategies tests them with: invariants that hold of every sound strategy.

``check_strategy`` gives one :class:`Check` for each, ``assert_valid`` is for a test to call, and
the fixture ``xtp_model`` (``plugin``) is the bundled model; ``with_fit`` fits a fitted strategy to
a few examples. Imported on first use: pytest imports
this package when it starts, and is not to wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xtransplant.testing.check import Check, assert_valid, check_strategy, formula
    from xtransplant.testing.example import bundled_model
    from xtransplant.testing.fit import with_fit

__all__ = ["Check", "assert_valid", "bundled_model", "check_strategy", "formula", "with_fit"]

_HOMES = {"bundled_model": "example", "with_fit": "fit"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'xtransplant.testing' has no attribute {name!r}")
    home = _HOMES.get(name, "check")
    return getattr(importlib.import_module(f"xtransplant.testing.{home}"), name)
