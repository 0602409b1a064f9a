"""Faults of the loopback server: which is armed, and whether it strikes."""

import random
from typing import Any

fault: dict[str, Any] = {}
MIXED = ("refuse", "429", "503", "drop", "truncated", "look503", "lost", "expired")
dice = random.Random(0)


def armed(kind: str, at: str | None = None) -> bool:
    """Whether a fault strikes here and now."""
    if fault.get("kind") == "mixed":
        # A share of everything that passes by, alike every time.
        # A job is looked at ten times and more, the slower the machine: five lost in a row, and the
        # client gives up as it should.
        share = fault["times"] / (10 if kind == "lost" else 1)
        return kind in MIXED and at in (None, "RUNNING") and dice.random() < share
    if fault.get("kind") != kind or fault.get("times", 0) <= 0:
        return False
    if at is not None and fault.get("at") not in (None, at):
        return False
    fault["times"] -= 1
    return True


def refusals(given: str | None) -> tuple[tuple[int, str], ...]:
    """Statuses and words in which NDIF 0.1.2 refuses a job that came with a key."""
    return (
        (400, f"Invalid API key format: '{given}'. API keys must be in the format: xxxx"),
        (401, "Invalid API key"),
        (403, "Invalid API key."),
        (404, "Model not deployed"),
        (429, "Too many requests"),
        (500, "Internal error"),
        (503, "Overloaded"),
    )
