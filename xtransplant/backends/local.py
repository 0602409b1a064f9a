"""This process: the default backend."""

from __future__ import annotations

from dataclasses import dataclass

from xtransplant.backends.protocol import Backend

__all__ = ["Local"]


@dataclass(frozen=True)
class Local(Backend):
    """Traces run in this process, which holds the weights."""

    name = "local"
