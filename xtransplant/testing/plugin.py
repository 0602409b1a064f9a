"""The pytest plug-in: a tiny model for tests of strategies, loaded when one first asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xtransplant.model.model import Model

__all__ = ["xtp_model"]


@pytest.fixture(scope="session")
def xtp_model() -> Model:
    """The model that comes with xtransplant: 8 layers, 1 million parameters, loaded in a second."""
    from xtransplant.testing.example import bundled_model

    return bundled_model()
