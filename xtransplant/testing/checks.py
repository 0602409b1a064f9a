"""The checks, one function each: what is tried, and what is said of the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np

from xtransplant.backends.dry import Dry
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.variants import existing_pairs, record_variants, shape_of
from xtransplant.engine.compare import difference
from xtransplant.engine.dry_run import GridEstimate, dry_run_grid
from xtransplant.engine.score import score
from xtransplant.engine.verify import packing_for
from xtransplant.errors import MissingSite, XTransplantError
from xtransplant.grid.check import verify_grid
from xtransplant.grid.grid import Grid
from xtransplant.grid.transplant import transplant, transplant_many
from xtransplant.model.model import Model
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, find_strategy
from xtransplant.strategies.formula import self_transplant, writes_nothing_new
from xtransplant.strategies.travel import collect_functions, find_concerns
from xtransplant.testing.example import batch_of, into_itself, tried

__all__ = ["Check", "Status", "Trial", "run_checks"]

Status = Literal["ok", "failed", "does not apply"]
_REFERENCE = "attn-swap"
_N_LAYERS = 3  # at most so many source layers, and target layers, are tried
_N_NEW = 3  # tokens generated in each cell
_RAW = "a raw strategy runs one variant after another, so that they share nothing"


@dataclass(frozen=True)
class Check:
    """One invariant of a strategy.

    Attributes:
        name: of the invariant.
        status: whether it holds; or that it says nothing of this strategy.
        why: what was found.
    """

    name: str
    status: Status
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.status}: {self.why}"


@dataclass(frozen=True, eq=False)
class Trial:
    """A strategy on an example of a model, with what several checks look at.

    Attributes:
        real: the example as it is; tried with fewer candidates, and a long one.
        chat_template: pass both prompts through the checkpoint's chat template.
    """

    strategy: Strategy
    model: Model
    real: Example
    chat_template: bool = False

    @cached_property
    def example(self) -> Example:
        """The example that is tried."""
        return tried(self.real)

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Every layer pair that exists under the strategy: all are recorded.

        Raises:
            XTransplantError: the strategy fails at one, with file and line.
        """
        every = range(self.model.n_layers)
        found = existing_pairs(self.model, self.strategy, product(every, every)).pairs
        if not self.strategy.raw:
            record_variants(self.model, self.strategy, found)
        return found

    @cached_property
    def layers(self) -> tuple[list[int], list[int]]:
        """A few source and target layers between which every pair exists, spread over all."""
        there = set(self.pairs)
        sources, targets = (sorted({pair[end] for pair in there}) for end in (0, 1))
        few = _spread(targets)
        return _spread([i for i in sources if all((i, j) in there for j in few)]), few

    @cached_property
    def grid(self) -> Grid:
        """Scores and short texts at these layers."""
        return transplant(
            self.model, self.example, self.strategy, source_layers=self.layers[0],
            target_layers=self.layers[1], generations=True, max_new_tokens=_N_NEW,
            chat_template=self.chat_template,
        )  # fmt: skip

    @property
    def tolerance(self) -> float:
        """By how many nats rounding may move a log-probability at the model's precision."""
        return packing_for(self.model).tolerance


def run_checks(trial: Trial) -> tuple[Check, ...]:
    """All checks, in the order in which they are best read."""
    return (
        _finite(trial),
        _changes_something(trial),
        _self_transplant(trial),
        _packed(trial),
        _batch(trial),
        *_travels_and_cost(trial),
    )


def _finite(trial: Trial) -> Check:
    scores, texts = trial.grid.scores, trial.grid.generations
    assert scores is not None
    assert texts is not None
    name, whole = "finite outputs", len(trial.grid.pairs)
    if not (scores.vanilla_finite and scores.source_finite):
        return Check(name, "failed", "without a transplant they are not either; try another dtype")
    broken = [
        f"{i}→{j}"
        for (i, j), finite, kept in zip(trial.grid.pairs, scores.finite, texts.finite, strict=True)
        if not (finite and kept)
    ]
    if broken:
        why = f"NaN or infinite at {len(broken)} of {whole} layer pairs, such as {broken[0]}"
        return Check(name, "failed", why)
    return Check(name, "ok", f"at {whole} layer pairs, of scores and of {_N_NEW} new tokens")


def _changes_something(trial: Trial) -> Check:
    scores, texts = trial.grid.scores, trial.grid.generations
    assert scores is not None
    assert texts is not None
    name, pairs = "changes something", trial.grid.pairs
    changed = ~(scores.unchanged & np.array(texts.unchanged))
    n_changed, whole = int(changed.sum()), len(pairs)
    strategy = trial.strategy
    if not strategy.raw:
        shape = shape_of(trial.model)
        if all(writes_nothing_new(strategy.edits(shape, i, j)) for i, j in pairs):
            if n_changed:
                why = f"its formula writes back what is there, yet {n_changed} of {whole} differ"
                return Check(name, "failed", why)
            return Check(name, "does not apply", "its formula writes back what is there, a control")
    if not n_changed:
        why = f"scores and texts are the target's own at all {whole} layer pairs: a write that hits"
        return Check(name, "failed", f"{why} nothing, or one of what was there")
    return Check(name, "ok", f"at {n_changed} of {whole} layer pairs")


def _self_transplant(trial: Trial) -> Check:
    name, model = "self-transplant is the identity", trial.model
    if trial.strategy.raw:
        return Check(name, "does not apply", "a raw strategy has no formula that would tell")
    shape, there = shape_of(model), set(trial.pairs)
    pairs = [(layer, layer) for layer in range(model.n_layers) if (layer, layer) in there]
    pairs = [pairs[k] for k in _spread(list(range(len(pairs))))]
    found = [self_transplant(trial.strategy.edits(shape, i, j)) for i, j in pairs]
    for one in found:
        if not one.is_identity:
            return Check(name, "does not apply", f"where i = j, {one.why}")
    if not found:
        return Check(name, "does not apply", "no layer pair has i = j")
    example = into_itself(trial.example)
    scores = score(
        model, example, trial.strategy, pairs, packing=packing_for(model).packing,
        chat_template=trial.chat_template,
    )  # fmt: skip
    worst = float(np.abs(scores.logprobs - scores.vanilla).max(initial=0.0))
    # Next tokens of equal probability may stand in either order.
    tops = np.abs(scores.top_logprobs - scores.vanilla_top_logprobs).max(initial=0.0)
    worst = max(worst, float(tops))
    status: Status = "ok" if worst <= trial.tolerance else "failed"
    moved = f"{worst:.2g} nats (allowed {trial.tolerance:.2g})"
    return Check(name, status, f"where i = j, {found[0].why}; largest difference {moved}")


def _packed(trial: Trial) -> Check:
    name = "packed equals one by one"
    if trial.strategy.raw:
        return Check(name, "does not apply", _RAW)
    found = verify_grid(trial.model, trial.grid, trial.strategy, chat_template=trial.chat_template)
    status: Status = "ok" if found.agrees else "failed"
    return Check(name, status, f"{trial.grid.packing}; {found.summary.removeprefix('verify: ')}")


def _batch(trial: Trial) -> Check:
    name = "one example equals a batch"
    if trial.strategy.raw:
        return Check(name, "does not apply", _RAW)
    examples = batch_of(trial.example)
    sources, targets = trial.layers
    together = transplant_many(
        trial.model, examples, trial.strategy, source_layers=sources, target_layers=targets,
        chat_template=trial.chat_template,
    )  # fmt: skip
    worst = 0.0
    for number, (one, grid) in enumerate(zip(examples, together, strict=True)):
        alone = transplant(
            trial.model, one, trial.strategy, source_layers=sources, target_layers=targets,
            chat_template=trial.chat_template,
        )  # fmt: skip
        assert grid.scores is not None
        assert alone.scores is not None
        found = difference(grid.scores, alone.scores, ("in the batch", "alone"))
        worst = max(worst, found.worst)
        if not found.within(trial.tolerance):
            return Check(name, "failed", f"example {number} of {len(examples)}: {found}")
    found_worst = f"largest difference {worst:.2g} nats (allowed {trial.tolerance:.2g})"
    return Check(name, "ok", f"{len(examples)} examples, {found_worst}")


def _travels_and_cost(trial: Trial) -> tuple[Check, Check]:
    """Both come of serializing the grid's job as it would be sent, and not sending it."""
    travels, cost = "travels to NDIF", f"cost against {_REFERENCE}"
    variants = record_variants(trial.model, trial.strategy, trial.pairs)
    concerns = find_concerns(collect_functions(variants))
    try:
        own = _estimate(trial, trial.strategy, trial.pairs)
    except XTransplantError as error:
        why = str(concerns[0]) if concerns else str(error)
        return Check(travels, "failed", why), Check(cost, "does not apply", "its job is not sent")
    first = Check(travels, "ok", f"a job of {own.payload / 1e3:,.0f} kB")
    if concerns:
        first = Check(travels, "failed", "; ".join(map(str, concerns)))
    try:
        other = _estimate(trial, find_strategy(_REFERENCE), trial.pairs)
    except MissingSite:
        return first, Check(cost, "does not apply", f"the model has not all that {_REFERENCE} has")
    why = (
        f"{own.token_forwards / other.token_forwards:.1f} times: {own.token_forwards:,.0f} "
        f"token-forwards for {len(trial.pairs):,} layer pairs, {_REFERENCE} "
        f"{other.token_forwards:,.0f}"
    )
    return first, Check(cost, "ok", why)


def _estimate(trial: Trial, strategy: Strategy, pairs: Sequence[tuple[int, int]]) -> GridEstimate:
    elsewhere = replace(trial.model, backend=Dry())
    item = item_of(
        elsewhere,
        replace(trial.real, sources=trial.example.sources),
        chat_template=trial.chat_template,
    )
    return dry_run_grid(elsewhere, item, record_variants(elsewhere, strategy, pairs))


def _spread(layers: Sequence[int]) -> list[int]:
    """At most a few of some layers, the first and the last among them."""
    last, few = len(layers) - 1, min(len(layers), _N_LAYERS)
    return [layers[round(k * last / max(1, few - 1))] for k in range(few)]
