"""A grid against the same variants run one at a time, and at half precision against float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.memory import is_out_of_memory
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.compare import Difference, TextDifference, difference, text_difference
from xtransplant.engine.generate import generate_items
from xtransplant.engine.precision import half_precision, in_float32, why_not_float32
from xtransplant.engine.score import score_items
from xtransplant.engine.verify import packing_for
from xtransplant.grid.data import GridData
from xtransplant.model.model import Model
from xtransplant.packing import ROWS
from xtransplant.strategies import Edit, Strategy, check_verifiable

__all__ = ["GridCheck", "verify_grid"]

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
        why_not: why it was not run.
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
        """Whether log-probabilities are within the tolerance, and texts the same.

        At half precision texts may differ from a near tie on.
        """
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
            # At half precision nothing is exact: what was measured is reported as it is.
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
    """How two runs differ, in words, with the tolerance if there is one."""
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


def verify_grid(
    model: Model, grid: GridData, strategy: Strategy, *, chat_template: bool = False
) -> GridCheck:
    """Run a grid's variants again, each in a batch row of its own, and compare.

    At half precision they are also compared with the same in float32, where memory allows.

    Args:
        model: the model that the grid was run on.
        grid: its scores and outputs, whichever it has, are compared.
        strategy: the grid's.
        chat_template: whether the grid's prompts went through the checkpoint's chat template.

    Raises:
        XTransplantError: a raw strategy, whose variants have run one after another as it is.
    """
    check_verifiable(strategy)
    shape = shape_of(model)
    bound = strategy.for_languages(grid.example.source_lang, grid.example.target_lang)
    variants = [bound.edits(shape, i, j) for i, j in grid.pairs]
    item = item_of(model, grid.example, chat_template=chat_template)
    alone = _Alone(model, item, variants, packing_for(model).tolerance)
    half = half_precision(model)
    found = GridCheck(*alone.compare(grid, _ALONE), alone.tolerance, half)
    if not half or found.broken:
        return found
    if why_not := why_not_float32(model):
        return replace(found, why_not=why_not)
    try:
        with in_float32(model):
            scores, texts = alone.compare(grid, "float32")
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return replace(found, why_not="it ran out of memory")
    return replace(found, float32_scores=scores, float32_texts=texts)


@dataclass(frozen=True)
class _Alone:
    """A grid's example and variants, to be run with one variant per batch row.

    Attributes:
        tolerance: as in :class:`GridCheck`.
    """

    model: Model
    item: Item
    variants: Sequence[Sequence[Edit]]
    tolerance: float

    def compare(self, grid: GridData, name: str) -> tuple[Difference | None, TextDifference | None]:
        """How far the grid's scores and its outputs are off; None for what it has not.

        Args:
            grid: what was found with its own packing.
            name: what this run is called in an error.
        """
        names, of_scores, of_texts = ("the grid", name), None, None
        if grid.scores is not None:
            top_k = len(grid.scores.vanilla_top)
            scores = score_items(self.model, [self.item], self.variants, packing=ROWS, top_k=top_k)
            of_scores = difference(grid.scores, next(scores), names)
        if grid.generations is not None:
            texts = grid.generations
            longest = max(map(len, (texts.vanilla_ids, *texts.token_ids)))
            generations = generate_items(
                self.model, [self.item], self.variants, packing=ROWS,
                decoding=Decoding(longest, source_text=False, with_certainty=True),
            )  # fmt: skip
            # A tie takes two: what wins by rounding, and what loses by it.
            of_texts = text_difference(texts, next(generations), 2 * self.tolerance, names)
        return of_scores, of_texts
