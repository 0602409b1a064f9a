"""How far a run is, and how long it still takes, whoever works on it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from xtransplant.bench.plan import Plan
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run

__all__ = ["Clock", "Progress", "Watch"]

_LOOKS = 32  # at parts that others may have stored, for each that is done here


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        task, split, lang: what was just worked on.
        done, total: examples of that language.
        seconds: since this process began to work.
        left: seconds still to go, of all languages; None while that cannot be said.
    """

    task: str
    split: str
    lang: str
    done: int
    total: int
    seconds: float
    left: float | None


Watch = Callable[[Progress], None]


@dataclass
class Clock:
    """Time left, from how long the characters so far took.

    Attributes:
        left: characters of prompts, times strategies, by part still to do.
        worked: the same of what this process did.
    """

    run: Run
    left: dict[Part, int]
    started: float = field(default_factory=time.monotonic)
    worked: int = 0

    def __post_init__(self) -> None:
        self._ahead = sum(self.left.values())
        self._waiting: Counter[tuple[str, str]] = Counter()
        for part in self.left:
            self._waiting[part.task, part.lang] += part.stop - part.start
        # Work is taken in order, so what others stored is found at the front of what is left.
        self._behind: Iterator[Part] = iter(list(self.left))
        self._front: list[Part] = []

    @classmethod
    def of(cls, plan: Plan, run: Run, parts: Sequence[Part]) -> Clock:
        """For who does some of a run's parts."""
        weights = {
            part: sum(
                len(one.source) + len(one.target)
                for one in plan.tasks[part.task].examples[part.lang][part.start : part.stop]
            )
            for part in parts
            if not run.is_complete(part)
        }
        return cls(run, weights)

    @classmethod
    def of_run(cls, run: Run) -> Clock:
        """For who looks on: by how many examples a part has."""
        return cls(run, {part: part.stop - part.start for part in run.missing()})

    def done(self, part: Part) -> None:
        """One part more is stored here."""
        self.worked += self._drop(part)

    def look(self) -> list[Part]:
        """Parts that others have stored since; looks at no more than are found and some."""
        found = []
        while True:
            self._front = [part for part in self._front if part in self.left]
            for part in self._behind:
                if part in self.left:
                    self._front.append(part)
                if len(self._front) == _LOOKS:
                    break
            stored = [part for part in self._front if self.run.is_complete(part)]
            for part in stored:
                self._drop(part)
            found += stored
            if len(stored) < _LOOKS:
                return found

    def progress(self, part: Part) -> Progress:
        """How far its language is, and all."""
        self.look()
        return self.told(part)

    def told(self, part: Part) -> Progress:
        """The same, by what is known."""
        seconds = time.monotonic() - self.started
        task = self.run.manifest.tasks[part.task]
        total = task.languages[part.lang].n
        done = total - self._waiting[part.task, part.lang]
        ahead = seconds * self._ahead / self.worked if self.worked else None
        return Progress(part.task, task.split, part.lang, done, total, seconds, ahead)

    def _drop(self, part: Part) -> int:
        weight = self.left.pop(part, None)
        if weight is None:
            return 0
        self._ahead -= weight
        self._waiting[part.task, part.lang] -= part.stop - part.start
        return weight
