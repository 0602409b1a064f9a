"""Fitting a strategy: capture what it declares, over the examples of a split, and store the fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from xtransplant.backends.registry import open_backend
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.environment import versions
from xtransplant.bench.fit_clock import FitClock
from xtransplant.bench.fit_differences import CAPTURED, differences
from xtransplant.bench.fit_file import make_tensors, write_fit
from xtransplant.bench.fit_parts import Parts, StoredStatistics
from xtransplant.bench.load import load_model
from xtransplant.bench.task_plan import TaskPlan, model_name, nothing_left, plan_task
from xtransplant.engine.ask.fits import fit_model
from xtransplant.engine.ask.in_sample import prompt_digest
from xtransplant.engine.capture import pool
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.prompts import Example
from xtransplant.strategies import Fit, Strategy, find_strategy, load_fit
from xtransplant.strategies.fit import FIT_SCHEMA, MANIFEST
from xtransplant.strategies.fitting import Fitting
from xtransplant.tasks.load import examples_digest
from xtransplant.tasks.task import find_task
from xtransplant.text import text_digest

__all__ = ["fit"]


def fit(
    config: Config,
    context: RunContext = RunContext(),
    *,
    last: int | None = None,
    model: Model | None = None,
) -> Fit:
    """Fit a strategy to the examples of a split, or go on where an earlier call was left.

    Args:
        config: its one strategy, the options of the function that fits it, its tasks, languages,
            split (``pilot`` by default), limit, data and model.
        context: where the fit is written (its output path), where the model runs, what is told.
        last: the last so many examples of each language.
        model: loaded already; else the configuration's is.

    Raises:
        XTransplantError: a strategy that needs no fit, anything wrong with the configuration, data
            or model, a folder with another fit in it, or a function that fails or gives what is no
            fit. What was captured stays, and the same call goes on from there.
    """
    strategy = find_strategy(config.strategies[0])
    fitting = strategy.fitting
    if fitting is None:
        raise XTransplantError(f"strategy {strategy.name} needs no fit: it is used as it is")
    options = _options(strategy, fitting, config)
    config = replace(config, split=config.split or "pilot")
    tasks = _tasks(config, last, context.say)
    if model is None:
        model = _load(config, context)
    if fitting.site not in model.sites:
        raise XTransplantError(
            f"strategy {strategy.name} is fitted at site {fitting.site}, which {model.name} has "
            f"not; it has {', '.join(model.sites)}"
        )
    examples = [one for task in tasks.values() for own in task.examples.values() for one in own]
    about = _about(strategy, fitting, config, model, tasks)
    folder = context.output_path
    parts = _parts(folder, about, fitting, examples)
    if (found := _finished(folder, about, options)) is not None:
        return found
    _check_folder(folder, parts, about)
    clock = FitClock.of(parts, "+".join(tasks), str(config.split))
    vectors = partial(
        pool, model, site=fitting.site, tokens=fitting.tokens,
        chat_template=config.chat_template,
    )  # fmt: skip
    parts.capture(
        lambda prompt: vectors(prompt),
        done=lambda count: context.watch(clock.stored(count)),
        read=lambda count: context.step(clock.read(count)),
    )
    statistics = StoredStatistics(parts)
    tensors = make_tensors(strategy, fitting, statistics, options)
    counts = {lang: statistics.count(lang) for lang in statistics.languages}
    return write_fit(folder, tensors, {**about, "options": options, "counts": counts})


def _options(strategy: Strategy, fitting: Fitting, config: Config) -> dict[str, Any]:
    """The options of the function that fits, parsed; every default stands in it."""
    known = {option.name: option for option in fitting.options}
    values = {option.name: option.default for option in fitting.options}
    for name, text in config.options:
        if name not in known:
            right = ", ".join(known) or "none"
            raise XTransplantError(
                f"-S {name}={text}: fitting {strategy.name} has no such option; it has {right} "
                "(those of the strategy itself are given where it is used)"
            )
        values[name] = known[name].parse(text)
    return values


def _tasks(config: Config, last: int | None, say: Callable[[str], None]) -> dict[str, TaskPlan]:
    if not config.tasks:
        raise XTransplantError("no task is given; try --task babel, or xtp list tasks")
    if last is not None and (last < 1 or config.limit is not None):
        raise XTransplantError(
            f"--last {last} takes the last so many examples of each language, 1 or more, without "
            "--limit"
        )
    found: dict[str, TaskPlan] = {}
    for name in config.tasks:
        plan = plan_task(find_task(name), config, say)
        if not plan.examples:
            raise XTransplantError(nothing_left(plan, config))
        cut = {lang: own[-last:] if last else own for lang, own in plan.examples.items()}
        for lang, own in cut.items():
            if unknown := [one.id for one in own if not (one.source_lang and one.target_lang)]:
                raise XTransplantError(
                    f"{name} {lang}: example {unknown[0]} does not say in which languages its "
                    "prompts are, and a fit is by language"
                )
        found[name] = replace(plan, examples=cut)
    return found


def _load(config: Config, context: RunContext) -> Model:
    name = model_name(config.model, [find_task(name) for name in config.tasks])
    backend = open_backend(context.backend, say=context.note)
    return load_model(name, config.model, backend, context.note)


def _about(
    strategy: Strategy,
    fitting: Fitting,
    config: Config,
    model: Model,
    tasks: Mapping[str, TaskPlan],
) -> dict[str, Any]:
    """What the manifest says of a fit before it is made."""
    prompts = {
        prompt_digest(prompt)
        for task in tasks.values()
        for own in task.examples.values()
        for one in own
        for prompt in (one.source, one.target)
    }
    return {
        "schema": FIT_SCHEMA,
        "strategy": strategy.name,
        "source_hash": strategy.source_hash,
        "formula": fitting.digest,
        "uses": fitting.uses,
        "site": fitting.site,
        "tokens": fitting.tokens,
        "pairs": fitting.pairs,
        "n_layers": model.n_layers,
        "model": fit_model(model),
        "chat_template": config.chat_template,
        "add_bos": config.model.add_bos,
        "tasks": {name: _task(task) for name, task in tasks.items()},
        "prompts": sorted(prompts),
        "versions": versions(),
    }


def _task(plan: TaskPlan) -> dict[str, Any]:
    return {
        "version": plan.task.version,
        "direction": plan.direction,
        "split": plan.split,
        "examples": {lang: len(own) for lang, own in plan.examples.items()},
        "digests": {lang: examples_digest(own) for lang, own in plan.examples.items()},
        "ids": sorted({one.id for own in plan.examples.values() for one in own}),
    }


def _parts(
    folder: Path, about: Mapping[str, Any], fitting: Fitting, examples: Sequence[Example]
) -> Parts:
    """Where the parts of a fit are, and what makes them those of no other."""
    captured = {name: about[name] for name in CAPTURED}
    identity = text_digest(json.dumps(captured, sort_keys=True))
    # The examples' ids are many, and their digests tell the same.
    tasks = {name: {**own, "ids": []} for name, own in captured["tasks"].items()}
    return Parts(folder / "parts", identity, fitting, examples, {**captured, "tasks": tasks})


def _check_folder(folder: Path, parts: Parts, about: Mapping[str, Any]) -> None:
    """Refuse a folder that holds the parts of another fit, or other things.

    Raises:
        XTransplantError: it does, and in what that fit differs.
    """
    stored = [number for number in range(len(parts)) if parts.path(number).exists()]
    others = bool(stored) and not any(map(parts.has, stored))
    there = _read(folder / MANIFEST)
    if there is not None:
        others |= not stored or there.get("strategy", about["strategy"]) != about["strategy"]
    if others:
        # The manifest is of the last fit that was finished, the parts may be of one after it.
        what = differences(parts.stored_about(), about) or differences(there or {}, about)
        what = what or "its parts are gone, or do not say of what they are"
        raise XTransplantError(
            f"{str(folder)!r} holds another fit ({what}); give an -o folder of its "
            "own, or take that one away"
        )


def _read(manifest: Path) -> dict[str, Any] | None:
    """What a fit's manifest says; None if there is none, nothing if it is damaged."""
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except OSError:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _finished(folder: Path, about: dict[str, Any], options: dict[str, Any]) -> Fit | None:
    """The fit that an earlier call made, if it is this one."""
    if not (folder / MANIFEST).exists():
        return None
    try:
        found = load_fit(str(folder))
    except XTransplantError:
        return None  # killed between its two files: made again
    wanted = {**about, "options": options}
    alike = all(found.manifest.get(name) == value for name, value in wanted.items())
    return found if alike else None
