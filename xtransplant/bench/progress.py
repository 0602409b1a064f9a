"""How far a run is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        task, split, lang: what was just worked on.
        done, total: examples of that language.
        seconds: since this process began to work.
        within: of the part under way, how many examples' worth is done.
        at: what of it is being done; empty where a part has just ended.
        left: seconds still to go, of all tasks and languages of the run; None while that cannot be
            estimated.
    """

    task: str
    split: str
    lang: str
    done: int
    total: int
    seconds: float
    left: float | None
    within: float = 0.0
    at: str = ""
