"""A grid against the same variants run one at a time, and at half precision against float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.engine.compare import Difference, TextDifference, difference, text_difference
from xtransplant.engine.generate import Generations, generate_items
from xtransplant.engine.precision import half_precision, in_float32, why_not_float32
from xtransplant.engine.score import Scores, score_items
from xtransplant.model.load import Model
from xtransplant.packing import ROWS
from xtransplant.strategies import Edit

__all__ = ["GridCheck", "recheck"]

_ALONE = "one variant at a time"


@dataclass(frozen=True)
class GridCheck:
    """A grid against the same grid run one variant at a time.

    Attributes:
        scores, texts: how far the two are apart; None where the grid has none.
        tolerance: largest difference of a log-probability that rounding may make, in nats.
        half: ``float16`` or ``bfloat16`` where the model computes in it; else empty.
        float32_scores, float32_texts: at half precision, the grid against one variant at a time
            with the weights in float32; None where that was not run.
        why_not: why it was not.
    """

    scores: Difference | None
    texts: TextDifference | None
    tolerance: float
    half: str = ""
    float32_scores: Difference | None = None
    float32_texts: TextDifference | None = None
    why_not: str = ""

    @property
    def broken(self) -> str:
        """Which numbers of either run are not finite, in words; empty if all are."""
        parts = [part.broken for part in (self.scores, self.texts) if part is not None]
        return "; ".join(part for part in parts if part)

    @property
    def agrees(self) -> bool:
        """Whether the two runs give the same: to the tolerance, and at half precision but for
        texts that part at a near tie."""
        if self.broken:
            return False
        if self.scores is not None and not self.scores.within(self.tolerance):
            return False
        return self.texts is None or not (self.texts.beyond if self.half else self.texts.different)

    @property
    def exact(self) -> bool:
        """Whether they agree, and the model computes in float32 or better."""
        return self.agrees and not self.half

    @property
    def summary(self) -> str:
        """One line for the user."""
        if self.half:
            # Nothing is exact here: what was measured stands by itself.
            found = _measured(self.scores, self.texts, self.half, self.tolerance)
            parts = [f"in {self.half}, against {_ALONE}: {found}"]
            if self.float32_scores is not None or self.float32_texts is not None:
                found = _measured(self.float32_scores, self.float32_texts, self.half)
                parts.append(f"against float32: {found}")
            elif self.why_not:
                parts.append(f"not held against float32: {self.why_not}")
            verdict = "no more than rounding" if self.agrees else "MORE THAN ROUNDING"
            return f"verify: {'; '.join(parts)}: {verdict}"
        found = _measured(self.scores, self.texts, self.half, self.tolerance)
        return f"verify: against {_ALONE}, {found}: {'exact' if self.exact else 'NOT EXACT'}"


def _measured(
    scores: Difference | None,
    texts: TextDifference | None,
    half: str,
    tolerance: float | None = None,
) -> str:
    """How two runs differ, in words; ``tolerance`` is said where they are held to it."""
    parts = []
    if scores is not None:
        text = str(scores)
        if tolerance is not None:
            text = text.replace(" nats", f" nats (allowed {tolerance:.2g})", 1)
        parts.append(text)
    if texts is not None and (texts.different or scores is None):
        text = f"{texts.different} of {texts.n_texts} texts differ"
        if half and texts.different:
            text += f", {texts.beyond} of them not at a near tie"
        parts.append(text)
    if texts is not None and texts.broken:
        parts.append(texts.broken)
    return ", ".join(parts)


def recheck(
    model: Model,
    item: Item,
    variants: Sequence[Sequence[Edit]],
    scores: Scores | None,
    texts: Generations | None,
    tolerance: float,
) -> GridCheck:
    """Run what a grid has found again, each variant in a batch row of its own.

    Args:
        item, variants: the example and the edits that the grid was made of.
        scores, texts: what it found; None for what it did not look for.
        tolerance: as in :class:`GridCheck`.
    """
    half = half_precision(model)
    measured = _against_rows(model, item, variants, scores, texts, tolerance, _ALONE)
    found = GridCheck(*measured, tolerance, half)
    if not half or found.broken:
        return found
    if why_not := why_not_float32(model):
        return replace(found, why_not=why_not)
    try:
        with in_float32(model):
            measured = _against_rows(model, item, variants, scores, texts, tolerance, "float32")
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return replace(found, why_not="it ran out of memory")
    return replace(found, float32_scores=measured[0], float32_texts=measured[1])


def _against_rows(
    model: Model,
    item: Item,
    variants: Sequence[Sequence[Edit]],
    scores: Scores | None,
    texts: Generations | None,
    tolerance: float,
    name: str,
) -> tuple[Difference | None, TextDifference | None]:
    """``name`` is what the run with one variant per row is called."""
    names, of_scores, of_texts = ("the grid", name), None, None
    if scores is not None:
        top_k = len(scores.vanilla_top)
        alone = next(score_items(model, [item], variants, packing=ROWS, top_k=top_k))
        of_scores = difference(scores, alone, names)
    if texts is not None:
        longest = max(map(len, (texts.vanilla_ids, *texts.token_ids)))
        said = next(
            generate_items(
                model, [item], variants, packing=ROWS, max_new_tokens=longest,
                source_text=False, with_certainty=True,
            )
        )  # fmt: skip
        of_texts = text_difference(texts, said, 2 * tolerance, names)
    return of_scores, of_texts
