"""What a caller gives for a model: refused where it is none."""

from __future__ import annotations

from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.text import shortened

__all__ = ["check_model"]


def check_model(given: object) -> None:
    """Refuse what is no loaded model.

    Raises:
        XTransplantError: something else, such as a model's name, or the example in its place.
    """
    if isinstance(given, (str, Path)):
        raise XTransplantError(
            f"{str(given)!r:.60} is no model yet; load it first, xtransplant.load({str(given)!r})"
        )
    if not isinstance(given, Model):
        raise XTransplantError(
            f"{shortened(given)} is no model; one from xtransplant.load comes first, then the rest"
        )
