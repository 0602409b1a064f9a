"""The manifest of a new run: what a plan and its model come to."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from xtransplant.bench.environment import machine_entry, versions
from xtransplant.bench.model_identity import model_entry
from xtransplant.bench.plan import Plan
from xtransplant.bench.sizes import fixed_budget, part_size
from xtransplant.bench.task_plan import TaskPlan
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.no_effect import no_effect
from xtransplant.engine.ask.variants import Existing, existing_pairs
from xtransplant.errors import MissingSite
from xtransplant.model.model import Model
from xtransplant.runs.manifest import SCHEMA, Language, Manifest, TaskEntry
from xtransplant.strategies import Strategy
from xtransplant.tasks.load import examples_digest
from xtransplant.tasks.rules import versioned_rule

__all__ = ["new_manifest", "pair_notes"]


def new_manifest(plan: Plan, model: Model) -> Manifest:
    """What a new run of a plan says of itself.

    Raises:
        XTransplantError: a layer that the model has not, or a memory budget that holds nothing.
    """
    spec = plan.config.model
    entry = model_entry(model, plan.model_name, spec.revision, spec.gguf_file)
    return Manifest(
        id=plan.id,
        schema=SCHEMA,
        config=_config(plan),
        model={**entry, **_batches(plan, model)},
        strategies={name: _strategy(plan, name, model) for name in plan.strategies},
        tasks={name: _task(plan, name, task, model.n_layers) for name, task in plan.tasks.items()},
        versions=versions(),
        machine=machine_entry(),
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        nulls={one.name: {"strategy": one.strategy, "null": one.null} for one in plan.nulls},
    )


def _config(plan: Plan) -> dict[str, Any]:
    """The command; and of pairs that were chosen on a set of examples, on which."""
    document, pairs = plan.config.as_dict(), plan.pairs
    if not isinstance(pairs, str) and pairs.only != "all":
        document["chosen_on"] = pairs.only
    return document


def _batches(plan: Plan, model: Model) -> dict[str, int | None]:
    """What examples are batched by, the same for as long as the run goes on.

    Bytes for the work beyond the model, and at most how many examples.
    """
    budget = plan.config.memory_budget
    limit = fixed_budget(model) if budget is None else int(MemoryBudget.of(model, budget).limit)
    return {"memory_budget": limit, "batch_size": plan.config.batch_size}


def pair_notes(plan: Plan, model: Model) -> list[str]:
    """Per strategy, how many layer pairs do not exist in a model and why, in a line; if any.

    And that ``i`` or ``j`` has no effect, so that pairs do the same.

    Raises:
        XTransplantError: as :func:`new_manifest`.
    """
    found = []
    for name, strategy in plan.strategies.items():
        existing = _existing(plan, name, model)
        alike = no_effect(model, [strategy], existing.pairs)
        found += [f"{name}: {note}" for note in (existing.note, alike) if note]
    return found


def _existing(plan: Plan, name: str, model: Model) -> Existing:
    """The pairs of a strategy that are the same in all languages, as far as they exist."""
    if not isinstance(plan.pairs, str):
        return Existing([])  # chosen by language, they stand with the languages
    pairs = plan.pairs_for("", name, "", model.n_layers)
    found = existing_pairs(model, plan.strategies[name], pairs)
    if found.missing and ":" in plan.pairs:
        raise MissingSite(f"--pairs {plan.pairs}: {found.missing[0]}")
    return found


def _strategy(plan: Plan, name: str, model: Model) -> dict[str, Any]:
    strategy = plan.strategies[name]
    shared = _existing(plan, name, model).pairs
    entry = {**_identity(strategy), "pairs": [list(pair) for pair in shared]}
    if len(strategy.parts) > 1:
        entry["parts"] = [{"name": one.name, **_identity(one)} for one in strategy.parts]
    return entry


def _identity(strategy: Strategy) -> dict[str, Any]:
    fit = strategy.fit
    own = {} if fit is None else {"fit": fit.about()}
    return {
        "source_hash": strategy.source_hash,
        "origin": strategy.origin,
        "options": {name: value for name, value in strategy.values if name not in own},
        "name": strategy.family,
        "bound": {name: value for name, value in strategy.bound.items() if name != "fit"},
        **own,
    }


def _task(plan: Plan, name: str, task: TaskPlan, n_layers: int) -> TaskEntry:
    languages, most_pairs = {}, 1
    for lang, examples in task.examples.items():
        pairs = {s: plan.pairs_for(name, s, lang, n_layers) for s in plan.strategies}
        most_pairs = max([most_pairs, *map(len, pairs.values())])
        own, in_sample = dict[str, list[list[int]]](), 0
        if not isinstance(plan.pairs, str):
            own = {s: [list(pair) for pair in found] for s, found in pairs.items()}
            in_sample = plan.pairs.in_sample(examples)
        # Further sources make no other items of them.
        digest = examples_digest([replace(one, sources=()) for one in examples])
        languages[lang] = Language(len(examples), digest, own, in_sample)
    return TaskEntry(
        version=task.task.version,
        licence=task.task.licence,
        direction=task.direction,
        split=task.split,
        mode=task.mode,
        rule=versioned_rule(task.task.rule),
        part_size=part_size(
            task.mode, most_pairs, raw=any(one.raw for one in plan.strategies.values())
        ),
        languages=languages,
        left_out=task.left_out,
        too_long=task.too_long,
        baselines={
            one.name: {lang: [shot.id for shot in shots] for lang, shots in one.shots.items()}
            for one in task.baselines
        },
        shots=next((one.split for one in task.baselines if one.split), ""),
    )
