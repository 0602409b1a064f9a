"""What was found when packing was verified on a model."""

from __future__ import annotations

from dataclasses import dataclass, field

from xtransplant.engine.compare import Difference
from xtransplant.packing import Packing

__all__ = ["PackingCheck"]


@dataclass(frozen=True)
class PackingCheck:
    """The outcome of :func:`xtransplant.verify_packing`.

    Attributes:
        packing: the fastest way that gives what one variant per batch row gives; one variant per
            row if none does.
        worst: largest difference of a log-probability between the two, in nats; None where nothing
            was compared.
        tolerance: largest difference allowed at the model's precision, in nats.
        other_tops: share of variants whose most probable next token is another one than when they
            run one per row; rounding alone does that at half precision.
        reason: why no faster way, in a sentence; empty if this is the fastest.
        half: ``float16`` or ``bfloat16`` where the model computes in it; else empty.
        float32: at half precision, how far it is from one variant per row in float32; None where
            that was not run.
        why_not: why that was not run; empty if it was.
        untried: the shortest sliding window of the model, in tokens, that no tried prompt exceeded;
            None where all were exceeded.
        lacked_memory: whether something was left out for want of memory, which may be there the
            next time.
        since: when that was found, if it is remembered, in UTC; empty if it is not.
        file: where it is remembered.
    """

    packing: Packing
    worst: float | None
    tolerance: float
    other_tops: float = 0.0
    reason: str = ""
    half: str = ""
    float32: Difference | None = None
    why_not: str = ""
    untried: int | None = None
    lacked_memory: bool = False
    since: str = field(default="", compare=False)
    file: str = field(default="", compare=False)

    @property
    def exact(self) -> bool:
        """Whether variants share a sequence and give what they give alone, in full precision."""
        return self.packing.together and not self.half

    @property
    def measured(self) -> str:
        """What was measured, in words; empty if nothing was."""
        if self.worst is None:
            return ""
        found = Difference(self.worst, self.other_tops)
        parts = [f"against one variant at a time: {found}"]
        if self.float32 is not None:
            parts.append(f"against float32: {self.float32}")
        elif self.why_not:
            parts.append(f"not held against float32: {self.why_not}")
        return ", ".join(parts)

    @property
    def note(self) -> str:
        """What a user should know, in a line; empty for the fastest packing in full precision."""
        parts = [f"{self.packing}: {self.reason}"] if self.reason else []
        if self.half and self.measured:
            parts.append(f"{self.half} rounds; on prompts of random tokens, {self.measured}")
        return "; ".join(parts)

    def note_for(self, n_tokens: int) -> str:
        """:attr:`note`, and what it leaves open for a prompt of ``n_tokens`` tokens."""
        if self.untried is None or n_tokens <= self.untried or not self.packing.together:
            return self.note
        more = (
            f"prompts longer than the window of {self.untried:,} tokens were not tried on this "
            "device; --verify holds this grid against one variant at a time"
        )
        return f"{self.note}; {more}" if self.note else more
