"""Hold a way of packing against one variant per row: short prompts, and what tries the windows."""

from __future__ import annotations

from dataclasses import dataclass

from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.engine.compare import Difference, difference, text_difference
from xtransplant.engine.trial import SMALL_WINDOW, TrialRun, long_trial, short_trial, windows
from xtransplant.model.model import Model
from xtransplant.model.small_windows import small_windows
from xtransplant.packing import ROWS, Packing

__all__ = ["Trials", "Verdict"]


@dataclass(frozen=True)
class Verdict:
    """A way of packing against one variant per row.

    Attributes:
        worst, other_tops: as in :class:`xtransplant.engine.verify.PackingCheck`.
        fault: how the two differ beyond rounding; empty if they do not.
        short: what the way gave in the short trial.
    """

    worst: float
    other_tops: float
    fault: str
    short: TrialRun


class Trials:
    """The trials of a model, with what each gave with one variant per row.

    Sliding windows are tried by making them small for a moment. Only where the weights are in
    another process, or where that disagrees, are prompts tried that are longer than they are: a
    model whose code has the size elsewhere too is not to lose its packing for it.
    """

    def __init__(self, model: Model, tolerance: float, half: str, n_tokens: int, seed: int) -> None:
        self.model, self.tolerance, self.half = model, tolerance, half
        self.short = short_trial(model, n_tokens, seed)
        # Where windows are made small, that is where it generates.
        self._small = _can_be_made_small(model)
        self.alone = self.short.run(model, ROWS, texts=not self._small)
        self.long = long_trial(model, seed)
        self.lacked_memory = False
        self._small_agreed = False
        self._small_alone: TrialRun | None = None
        self._long_alone: TrialRun | None = None

    @property
    def untried(self) -> int | None:
        """As in :class:`xtransplant.engine.verify.PackingCheck`, of the way that ran last."""
        if self._small_agreed:
            return None
        longest = (self.long or self.short).n_tokens
        return next((size for size in windows(self.model) if size >= longest), None)

    def broken(self) -> str:
        """What is not finite with one variant per row; empty if all is."""
        return difference(self.alone.scores, self.alone.scores, ("", "")).broken

    def run(self, packing: Packing) -> Verdict:
        """One way of packing: the short trial and, if that agrees, what tries the windows."""
        found = self.short.run(self.model, packing, texts=not self._small)
        gap, fault = self._compare(found, self.alone)
        worst = gap.worst
        if not fault:
            more, fault = self._windows(packing)
            # A fault's own figure is reported, NaN included (max would drop it).
            worst = more if fault else max(worst, more)
        return Verdict(worst, gap.other_tops, fault, found)

    def _windows(self, packing: Packing) -> tuple[float, str]:
        """Largest difference where prompts are longer than windows, and what fault there is."""
        worst, fault = 0.0, ""
        if self._small:
            worst, fault = self._small_windows(packing)
            self._small_agreed = not fault
        if self._small_agreed or self.long is None:
            return worst, fault
        n_tokens, found = self.long.n_tokens, self._long(packing)
        if found is None:
            return worst, fault
        assert self._long_alone is not None
        gap, fault = self._compare(found, self._long_alone)
        return gap.worst, fault and f"{fault} on prompts of {n_tokens} tokens"

    def _small_windows(self, packing: Packing) -> tuple[float, str]:
        """The short trial while the model's windows are small."""
        with small_windows(self.model, SMALL_WINDOW) as small:
            if self._small_alone is None:
                self._small_alone = self.short.run(small, ROWS)
            gap, fault = self._compare(self.short.run(small, packing), self._small_alone)
        return gap.worst, fault and f"{fault} where windows are made {SMALL_WINDOW} tokens"

    def _long(self, packing: Packing) -> TrialRun | None:
        """The long trial; None, from then on, once memory does not suffice for it."""
        assert self.long is not None
        try:
            if self._long_alone is None:
                self._long_alone = self.long.run(self.model, ROWS)
            return self.long.run(self.model, packing)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self.long, self.lacked_memory = None, True
            return None

    def _compare(self, found: TrialRun, alone: TrialRun) -> tuple[Difference, str]:
        """How far two runs are apart, and in what they differ beyond rounding, if they do."""
        gap = difference(found.scores, alone.scores, ("packed", "one at a time"))
        if gap.broken:
            return gap, f"in numbers that are not finite: {gap.broken}"
        if not gap.within(self.tolerance):
            return gap, f"by {gap.worst:.2g} nats (allowed: {self.tolerance:.2g})"
        return gap, self._texts_fault(found, alone)

    def _texts_fault(self, found: TrialRun, alone: TrialRun) -> str:
        """In what the texts of two runs differ beyond rounding, if they do."""
        if found.texts is None or alone.texts is None:
            return ""
        # Rounding may raise one token's log-probability and lower the other's.
        names = "packed", "one at a time"
        gap = text_difference(found.texts, alone.texts, 2 * self.tolerance, names)
        if gap.broken:
            return f"in numbers that are not finite: {gap.broken}"
        allowed = self.tolerance * (2 if self.half else 1)
        if gap.worst is None or not gap.worst <= allowed:
            return f"by {gap.worst:.2g} nats in what they generate (allowed: {allowed:.2g})"
        tells = gap.beyond if self.half else gap.different
        return "in the texts generated" if tells else ""


def _can_be_made_small(model: Model) -> bool:
    """Whether the model is here and has windows larger than a trial makes them."""
    return model.backend.in_process and any(size > SMALL_WINDOW for size in windows(model))
