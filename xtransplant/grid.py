"""A grid: one strategy at every layer pair of one example, and what the model then answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product, repeat, tee
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xtransplant.engine.generate import Generations, generate_items
from xtransplant.engine.memory import Room
from xtransplant.engine.recheck import GridCheck, recheck
from xtransplant.engine.score import Scores, item_of, score_items, shape_of
from xtransplant.engine.sources import Sources
from xtransplant.engine.verify import packing_for
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.packing import ROWS, Packing
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, check_verifiable, find_strategy
from xtransplant.strategies.travel import check_travel

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Cell", "Grid", "GridCheck", "transplant", "transplant_many", "verify_grid"]


@dataclass(frozen=True)
class Cell:
    """One variant's outcome.

    Attributes:
        source_layer, target_layer: the layer pair i→j.
        logprobs: natural-log likelihood by candidate, where candidates were scored.
        output: text generated, where it was.
    """

    source_layer: int
    target_layer: int
    logprobs: dict[str, float] | None = None
    output: str | None = None


@dataclass(frozen=True)
class Grid:
    """All variants of one example.

    Attributes:
        model, strategy: their names; the strategy's with its options.
        example: the two prompts, candidates and answer.
        source_layers, target_layers: the layers asked for; the grid is their product.
        scores, generations: results, ``None`` where not asked for; their variants run over
            ``source_layers`` slowly and ``target_layers`` fast.
        packing: how the variants shared their work.
        note: why they did not share more; empty if there is no more.
    """

    model: str
    strategy: str
    example: Example
    source_layers: tuple[int, ...]
    target_layers: tuple[int, ...]
    scores: Scores | None
    generations: Generations | None
    packing: Packing
    note: str = ""

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Every layer pair (i, j), in the order of the results."""
        return tuple(product(self.source_layers, self.target_layers))

    @property
    def seconds(self) -> float:
        """Wall-clock time of the engine, loading the model not included."""
        return sum(part.seconds for part in (self.scores, self.generations) if part)

    @property
    def forward_passes(self) -> int:
        """Forward passes of the model, the source's and each decoding step included."""
        return sum(part.forward_passes for part in (self.scores, self.generations) if part)

    @property
    def token_forwards(self) -> float:
        """How many times a token went through the whole model."""
        return sum(part.token_forwards for part in (self.scores, self.generations) if part)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """One cell per layer pair."""
        return tuple(
            Cell(
                i,
                j,
                _by_candidate(self.example, self.scores.logprobs[k]) if self.scores else None,
                self.generations.outputs[k] if self.generations else None,
            )
            for k, (i, j) in enumerate(self.pairs)
        )

    def probabilities(self) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Probability of the answer, ``[source_layers, target_layers]``; None if not scored."""
        column = self._answer_column()
        if self.scores is None or column is None:
            return None
        shape = (len(self.source_layers), len(self.target_layers))
        return np.exp(self.scores.logprobs[:, column]).reshape(shape)

    def vanilla_probability(self, prompt: Literal["source", "target"] = "target") -> float | None:
        """Probability of the answer without a transplant; None if not scored."""
        column = self._answer_column()
        if self.scores is None or column is None:
            return None
        row = self.scores.vanilla if prompt == "target" else self.scores.source
        return math.exp(row[column])

    def correct(self) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
        """Whether each cell answers rightly, ``[source_layers, target_layers]``.

        By scores: the answer is the likeliest candidate. Else by text: the output begins with
        the answer. None without an answer.
        """
        shape = (len(self.source_layers), len(self.target_layers))
        column = self._answer_column()
        if self.scores is not None and column is not None and len(self.example.candidates) > 1:
            hits = np.asarray(self.scores.logprobs.argmax(axis=1) == column)
            return hits.reshape(shape)
        if self.generations is not None and self.example.answer:
            right = self.example.answer.strip()
            said = [text.strip().startswith(right) for text in self.generations.outputs]
            return np.array(said).reshape(shape)
        return None

    def best(self) -> Cell | None:
        """The cell that does most for the answer; ties: smallest target, then largest source.

        By the answer's probability where it was scored, else the first correct output. None
        without an answer, or where no output is correct.
        """
        worth = self.probabilities()
        if worth is None:
            right = self.correct()
            if right is None or not right.any():
                return None
            worth = right.astype(float)
        cells = self.cells
        flat = worth.flatten()
        order = sorted(
            range(len(cells)),
            key=lambda k: (-flat[k], cells[k].target_layer, -cells[k].source_layer),
        )
        return cells[order[0]]

    def answers(self) -> tuple[str, ...]:
        """What each cell answers: its output, else its likeliest candidate, else its top token."""
        if self.generations is not None:
            return self.generations.outputs
        assert self.scores is not None
        if len(self.example.candidates) > 1:
            likeliest = self.scores.logprobs.argmax(axis=1)
            return tuple(self.example.candidates[column] for column in likeliest)
        return tuple(tokens[0] for tokens in self.scores.top_tokens)

    def answer_of(self, cell: Cell) -> str:
        """What one cell answers: see :meth:`answers`."""
        return self.answers()[self.pairs.index((cell.source_layer, cell.target_layer))]

    def vanilla_answer(self, prompt: Literal["source", "target"] = "target") -> str:
        """What the model answers to a prompt without a transplant."""
        if self.generations is not None:
            return self.generations.vanilla if prompt == "target" else self.generations.source
        assert self.scores is not None
        row = self.scores.vanilla if prompt == "target" else self.scores.source
        if len(row) > 1:
            own = self.example.source_candidates if prompt == "source" else ()
            return (own or self.example.candidates)[int(row.argmax())]
        return (self.scores.vanilla_top if prompt == "target" else self.scores.source_top)[0]

    def to_frame(self) -> pd.DataFrame:
        """One row per cell: layer pair, log-likelihood per candidate, output, correct."""
        from xtransplant.report.frame import grid_frame

        return grid_frame(self)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``xtp trace --json`` prints."""
        from xtransplant.report.frame import grid_document

        return grid_document(self)

    def plot(self, path: str | Path | None = None) -> Figure:
        """A heatmap of the grid; saved where ``path`` ends in .png, .svg or .pdf."""
        from xtransplant.report.heatmap import plot_grid

        return plot_grid(self, path)

    def __rich__(self) -> Any:
        from xtransplant.report.terminal import render_grid

        return render_grid(self)

    def _answer_column(self) -> int | None:
        if self.example.answer is None or self.example.answer not in self.example.candidates:
            return None
        return self.example.candidates.index(self.example.answer)


def transplant(
    model: Model,
    example: Example,
    strategy: Strategy | str,
    *,
    source_layers: Sequence[int] | None = None,
    target_layers: Sequence[int] | None = None,
    scores: bool = True,
    generations: bool = False,
    max_new_tokens: int = 20,
    chat_template: bool = False,
    top_k: int = 5,
    memory_budget: int | None = None,
) -> Grid:
    """One example's grid: every source layer into every target layer.

    Args:
        strategy: a strategy, its name, or the path of its file.
        source_layers, target_layers: which layers, from 0; all by default.
        scores: score the candidates and the next token.
        generations: generate a continuation in each cell.
        max_new_tokens: of each continuation.
        chat_template: pass both prompts through the checkpoint's chat template.
        top_k: how many next tokens to report.
        memory_budget: bytes that the work may take beyond the model; by default half of what is
            free on its device.

    Raises:
        XTransplantError: an unusable prompt, candidate, layer or strategy, or too little memory
            for one variant.
    """
    grids = transplant_many(
        model, [example], strategy, source_layers=source_layers, target_layers=target_layers,
        scores=scores, generations=generations, max_new_tokens=max_new_tokens,
        chat_template=chat_template, top_k=top_k, memory_budget=memory_budget,
    )  # fmt: skip
    return next(grids)


def transplant_many(
    model: Model,
    examples: Iterable[Example],
    strategy: Strategy | str,
    *,
    source_layers: Sequence[int] | None = None,
    target_layers: Sequence[int] | None = None,
    scores: bool = True,
    generations: bool = False,
    max_new_tokens: int = 20,
    chat_template: bool = False,
    top_k: int = 5,
    memory_budget: int | None = None,
    sources: Sources | None = None,
) -> Iterator[Grid]:
    """:func:`transplant` of many examples, in order; scores of several run together.

    Examples are taken as they are needed, a bounded number ahead.

    Args:
        sources: what was read of source prompts before, so that it is not read again; give the
            same object to calls with other strategies or targets.
    """
    chosen = find_strategy(strategy) if isinstance(strategy, str) else strategy
    everything = range(model.n_layers)
    from_layers = tuple(everything if source_layers is None else source_layers)
    to_layers = tuple(everything if target_layers is None else target_layers)
    for name, layers in (("source", from_layers), ("target", to_layers)):
        wrong = [layer for layer in layers if layer not in everything]
        if wrong or not layers:
            raise XTransplantError(
                f"{name} layers {list(wrong)} are out of range: "
                f"{model.name} has layers 0 to {model.n_layers - 1}"
            )
    shape = shape_of(model)
    variants = [chosen.variant(shape, i, j) for i, j in product(from_layers, to_layers)]
    if model.server is not None:
        check_travel(variants)
    check, room = packing_for(model), Room.of(model, memory_budget)
    sources = Sources() if sources is None else sources
    # One pass over the examples feeds scores, generations and grids.
    for_items, for_grids = tee(examples)
    items = (item_of(model, one, chat_template=chat_template) for one in for_items)
    for_scores, for_texts, for_notes = tee(items, 3)
    scored: Iterator[Scores | None] = repeat(None)
    said: Iterator[Generations | None] = repeat(None)
    if scores:
        scored = score_items(
            model, for_scores, variants, packing=check.packing, top_k=top_k, room=room,
            sources=sources,
        )  # fmt: skip
    if generations:
        said = generate_items(
            model, for_texts, variants, packing=check.packing, max_new_tokens=max_new_tokens,
            room=room, sources=sources,
        )  # fmt: skip
    for example, item in zip(for_grids, for_notes, strict=True):
        longest = max(len(item.source), len(item.target))
        note = "a raw strategy runs one variant after another"
        yield Grid(
            model=model.name,
            strategy=str(chosen),
            example=example,
            source_layers=from_layers,
            target_layers=to_layers,
            scores=next(scored),
            generations=next(said),
            packing=ROWS if chosen.raw else check.packing,
            note=note if chosen.raw else check.note_for(longest),
        )


def verify_grid(
    model: Model, grid: Grid, strategy: Strategy, *, chat_template: bool = False
) -> GridCheck:
    """Run a grid's variants again, each in a batch row of its own, and compare.

    At half precision also against the same in float32, where memory allows.

    Raises:
        XTransplantError: a raw strategy, whose variants have run one after another as it is.
    """
    check_verifiable(strategy)
    shape = shape_of(model)
    variants = [strategy.edits(shape, i, j) for i, j in grid.pairs]
    item = item_of(model, grid.example, chat_template=chat_template)
    tolerance = packing_for(model).tolerance
    return recheck(model, item, variants, grid.scores, grid.generations, tolerance)


def _by_candidate(example: Example, row: Any) -> dict[str, float]:
    return dict(zip(example.candidates, map(float, row), strict=True))
