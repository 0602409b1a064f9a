"""Babel: a made-up multilingual world, the task that asks about it, and a model that knows it."""

from xtransplant.benchmarks.babel.task import CHECKPOINT, babel

__all__ = ["CHECKPOINT", "babel"]
