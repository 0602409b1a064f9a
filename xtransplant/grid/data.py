"""A grid as a result: what the model answers in every cell, and whether that is right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal

import numpy as np

from xtransplant.engine.outcome import Generations, Scores
from xtransplant.errors import XTransplantError
from xtransplant.grid.answers import Answers
from xtransplant.grid.axes import say_layers
from xtransplant.packing import Packing
from xtransplant.prompts import Example, key_of
from xtransplant.runs.measured import Which
from xtransplant.tasks.judging import LEVELS

__all__ = ["Cell", "GridData", "Level", "Prompt", "find_best"]

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Level = Literal["strict", "match", "lenient"]
Prompt = Literal["source", "target"]


@dataclass(frozen=True)
class Cell:
    """One variant's outcome.

    Attributes:
        source_layer, target_layer: the layer pair i→j.
        logprobs: natural-log likelihood by candidate, where candidates were scored.
        output: text generated, where it was.
        probability: of the answer, 0 to 1, where it was scored; NaN where that is not finite.
    """

    source_layer: int
    target_layer: int
    logprobs: dict[str, float] | None = field(default=None, repr=False)
    output: str | None = None
    probability: float | None = None


@dataclass(frozen=True)
class GridData:
    """All variants of one example: everything of a grid but how it is shown.

    Attributes:
        model, strategy: their names; the strategy's with its options.
        example: the two prompts, candidates and answer.
        source_layers, target_layers: the layers asked for; the grid is their product.
        scores, generations: results, ``None`` where not asked for; their variants run over
            ``source_layers`` slowly and ``target_layers`` fast.
        packing: how the variants shared their work.
        note: why they did not share more; empty if there is no more.
        fitted_on: names of the strategies whose fit was fitted to this example, or to the same fact
            in another language: what they show here is no result.
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
    fitted_on: tuple[str, ...] = ()

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
        return tuple(map(self._cell, range(len(self.pairs))))

    def __getitem__(self, pair: tuple[int, int]) -> Cell:
        """``grid[i, j]``: the cell of a layer pair.

        Args:
            pair: source layer and target layer, from 0.

        Raises:
            XTransplantError: a pair that the grid has not, or no pair.
        """
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise XTransplantError(
                f"grid[{pair!r}] is no layer pair; grid[i, j] is the cell of source layer i and "
                "target layer j, grid.cells has all"
            )
        if pair not in self.pairs:
            sides = (("source", self.source_layers), ("target", self.target_layers))
            known = ", ".join(f"{side} layers {say_layers(own)}" for side, own in sides)
            raise XTransplantError(f"grid[{pair[0]}, {pair[1]}] is not there; the grid has {known}")
        return self._cell(self.pairs.index(pair))

    # Indexed by pairs, it would be iterated over by numbers.
    __iter__ = None

    def _cell(self, number: int) -> Cell:
        """The cell of a pair by its number in :attr:`pairs`."""
        i, j = self.pairs[number]
        logprobs, column, probability = None, self._answer_column(), None
        if self.scores is not None:
            logprobs = _by_candidate(self.example, self.scores.logprobs[number])
            if column is not None:
                found = float(self.scores.logprobs[number, column])
                probability = math.exp(found) if self.scores.finite[number] else math.nan
        output = self.generations.outputs[number] if self.generations else None
        return Cell(i, j, logprobs, output, probability)

    def probabilities(self) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Probability of the answer, ``[source_layers, target_layers]``; None if not scored.

        NaN where a cell is not finite.
        """
        column = self._answer_column()
        if self.scores is None or column is None:
            return None
        found = np.where(self.scores.finite, self.scores.logprobs[:, column], np.nan)
        return self._shaped(np.exp(found))

    def vanilla_probability(self, prompt: Prompt = "target") -> float | None:
        """Probability of the answer without a transplant; None if not scored."""
        column = self._answer_column()
        if self.scores is None or column is None:
            return None
        row = self.scores.vanilla if prompt == "target" else self.scores.source
        return math.exp(row[column])

    def correct(self, level: Level = "match") -> Bools | None:
        """Whether each cell answers rightly, ``[source_layers, target_layers]``, as a bench judges.

        By scores: the answer is the likeliest candidate. Else by text: the example's rule
        (``begins`` without one). A cell that is not finite never does. None without an answer.

        Args:
            level: ``strict``, ``match`` or ``lenient``; see ``tasks.judging``.
        """
        right = self._answers("variants").correct(self.example, key_of(self.example))
        return None if right is None else self._shaped(right[:, LEVELS.index(level)])

    def vanilla_correct(self, prompt: Prompt = "target", level: Level = "match") -> bool | None:
        """Likewise of a prompt without a transplant."""
        own = key_of(self.example)
        key = own if prompt == "target" else self.example.source_key or own
        if prompt == "source" and not key.answers:
            return None  # nothing says what is right after it
        right = self._answers(prompt).correct(self.example_of(prompt), key)
        return None if right is None else bool(right[0, LEVELS.index(level)])

    def example_of(self, prompt: Prompt) -> Example:
        """The example with candidates and answer as they are spelled after a prompt."""
        own = self.example.source_candidates
        if prompt == "target" or not own:
            return self.example
        column = self._answer_column()
        answer = self.example.answer if column is None else own[column]
        return replace(self.example, candidates=own, answer=answer)

    @property
    def finite(self) -> Bools:
        """``[source_layers, target_layers]``: whether all numbers behind a cell are finite.

        Others are never right, never best, and answer None.
        """
        parts = [np.array(part.finite) for part in (self.scores, self.generations) if part]
        return self._shaped(np.all(parts, axis=0))

    @property
    def unchanged(self) -> bool:
        """Whether every cell is what the target gives without a transplant.

        All its log-probabilities, and where texts are generated these and their first token's.
        """
        parts = (self.scores, self.generations)
        return all(bool(np.all(part.unchanged)) for part in parts if part)

    def best(self) -> Cell | None:
        """The cell that does most for the answer; ties: smallest target, then largest source.

        By the answer's probability where it was scored, else the first correct output. None
        without an answer, or where no output is correct, or no cell finite.
        """
        at = find_best(self.probabilities(), self.correct(), self.pairs)
        return None if at is None else self._cell(at)

    def answers(self) -> tuple[str | None, ...]:
        """What each cell answers: its output, else its likeliest candidate, else its top token.

        None where it is not finite.
        """
        return self._answers("variants").texts(self.example)

    def answer_of(self, cell: Cell) -> str | None:
        """What one cell answers: see :meth:`answers`."""
        return self.answers()[self.pairs.index((cell.source_layer, cell.target_layer))]

    def vanilla_answer(self, prompt: Prompt = "target") -> str | None:
        """What the model answers to a prompt without a transplant; None if that is not finite."""
        return self._answers(prompt).texts(self.example_of(prompt))[0]

    def changed(self) -> Bools:
        """``[source_layers, target_layers]``: whether a cell answers otherwise than the target.

        That is, than the target without a transplant. A cell that is not finite answers nothing.
        """
        same = self.vanilla_answer()
        return self._shaped(np.array([answer not in (None, same) for answer in self.answers()]))

    def _answers(self, which: Which) -> Answers:
        return Answers.of(self.scores, self.generations, which)

    def _shaped(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return values.reshape(len(self.source_layers), len(self.target_layers))

    def _answer_column(self) -> int | None:
        if self.example.answer is None or self.example.answer not in self.example.candidates:
            return None
        return self.example.candidates.index(self.example.answer)


def find_best(
    worth: np.ndarray[Any, Any] | None,
    correct: Bools | None,
    pairs: Sequence[tuple[int, int]],
) -> int | None:
    """The number of the cell that does most for the answer, as :meth:`GridData.best`.

    Args:
        worth: such as the answer's probability, of any shape; NaN where a cell is not finite.
        correct: of the same shape.
        pairs: the layer pair of each cell, in the order of the flattened arrays.
    """
    if worth is None:
        if correct is None or not correct.any():
            return None
        worth = correct.astype(float)
    if not np.isfinite(worth).any():
        return None
    flat = np.nan_to_num(worth.ravel(), nan=-np.inf)
    return min(range(len(flat)), key=lambda k: (-flat[k], pairs[k][1], -pairs[k][0]))


def _by_candidate(example: Example, row: Any) -> dict[str, float]:
    return dict(zip(example.candidates, map(float, row), strict=True))
