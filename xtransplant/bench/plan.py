"""What a bench comes to, before a model is loaded: its examples, strategies, pairs, identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xtransplant.bench.config import Config
from xtransplant.bench.pairs import Chosen, Pairs, listed, parse_pairs
from xtransplant.benchmarks.load import Loaded, digest_of, load_examples
from xtransplant.benchmarks.task import Task, find_task
from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example
from xtransplant.runs.manifest import SCHEMA
from xtransplant.runs.names import plain_name
from xtransplant.runs.tables import SOURCE, VANILLA
from xtransplant.strategies import Strategy, find_strategy

__all__ = ["Plan", "TaskPlan", "make_plan"]

Report = Callable[[str], None]


@dataclass(frozen=True)
class TaskPlan:
    """One task of a bench.

    Attributes:
        examples: by language, cut to the limit.
        left_out: languages that are not run, and why.
        too_long: ids of examples that the model cannot read, by language; see :func:`fitted`.
    """

    task: Task
    direction: str
    split: str
    mode: str
    examples: dict[str, tuple[Example, ...]]
    left_out: dict[str, str]
    too_long: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A bench, ready to be run.

    Attributes:
        model_name: hub repository or folder.
        id: hash of all that the records depend on.
    """

    config: Config
    model_name: str
    tasks: dict[str, TaskPlan]
    strategies: dict[str, Strategy]
    pairs: Pairs
    id: str

    @property
    def folder(self) -> str:
        """The name of the run's folder: what it is, and which one."""
        what = "+".join(self.tasks) if len(self.tasks) < 4 else f"{len(self.tasks)}-tasks"
        split = "+".join(dict.fromkeys(task.split for task in self.tasks.values()))
        return f"{plain_name(what, split)}-{self.id[:10]}"

    def pairs_for(
        self, task: str, strategy: str, lang: str, n_layers: int
    ) -> list[tuple[int, int]]:
        """The layer pairs of a strategy in one language.

        Raises:
            XTransplantError: a layer that the model has not, or a language nobody chose for.
        """
        if isinstance(self.pairs, str):
            return listed(self.pairs, n_layers)
        i, j = self.pairs.find(task, strategy, lang)
        if max(i, j) >= n_layers:
            raise XTransplantError(
                f"{self.pairs.origin} chose {i}→{j} for {lang}, but {self.model_name} has layers "
                f"0 to {n_layers - 1}; was it chosen for another model?"
            )
        return [(i, j)]


def make_plan(
    config: Config, *, across: bool = False, pairs: Pairs | None = None, say: Report | None = None
) -> Plan:
    """Load strategies and examples, and check everything that needs no model.

    Args:
        across: see :func:`parse_pairs`.
        pairs: chosen already; instead of those that the configuration names.
        say: told what a user has to know (languages left out, notes on the data).

    Raises:
        XTransplantError: anything that is wrong with the configuration or the data.
    """
    say = say or (lambda line: None)
    strategies = _strategies(config)
    chosen = parse_pairs(config.pairs, across=across) if pairs is None else pairs
    tasks = [find_task(name) for name in dict.fromkeys(config.tasks)]
    if not tasks:
        raise XTransplantError("no task is given; try --task babel, or xtp list tasks")
    known = [lang for task in tasks for lang in task.languages_in(config.where)]
    unknown = [lang for lang in config.langs if lang not in known]
    if unknown:
        raise XTransplantError(
            f"--langs {unknown[0]}: {' and '.join(task.name for task in tasks)} has "
            f"{', '.join(dict.fromkeys(known))}"
        )
    planned = {task.name: _task(task, config, say) for task in tasks}
    if isinstance(chosen, Chosen):
        for name, one in planned.items():
            for lang in one.examples:
                for strategy in strategies:
                    chosen.find(name, strategy, lang)
    model = config.model.name or next((t.checkpoint for t in tasks if t.checkpoint), None)
    if model is None:
        raise XTransplantError(
            f"no model comes with {tasks[0].name}: name one, --model REPOSITORY|FOLDER"
        )
    return Plan(config, model, planned, strategies, chosen, _identity(
        config, planned, strategies, chosen, model
    ))  # fmt: skip


def _strategies(config: Config) -> dict[str, Strategy]:
    if not config.strategies:
        raise XTransplantError("no strategy is given; try --strategy attn-swap")
    found = [find_strategy(name) for name in dict.fromkeys(config.strategies)]
    values = dict(config.options)
    taken = {option.name for strategy in found for option in strategy.options}
    for name in values.keys() - taken:
        right = ", ".join(sorted(taken)) or "none"
        raise XTransplantError(
            f"-S {name}={values[name]}: no strategy here has this option; there are: {right}"
        )
    bound = [
        strategy.with_options(
            {o.name: values[o.name] for o in strategy.options if o.name in values}
        )
        for strategy in found
    ]
    named = {str(strategy): strategy for strategy in bound}
    if len(named) < len(bound) or named.keys() & {VANILLA, SOURCE}:
        raise XTransplantError(
            f"strategies need names of their own, not {VANILLA} or {SOURCE}: {', '.join(named)}"
        )
    return named


def _task(task: Task, config: Config, say: Report) -> TaskPlan:
    direction = config.direction or task.direction
    split = config.split or task.splits[0]
    mode = config.mode or task.mode
    if mode == "score" and not task.scored:
        raise XTransplantError(
            f"{task.name} has no candidates to score; use --mode generate, or leave it out"
        )
    if config.limit is not None and config.limit < 1:
        raise XTransplantError(f"--limit {config.limit} leaves no example; give 1 or more")
    there = task.languages_in(config.where)
    wanted = [lang for lang in config.langs or there if lang in there]
    examples, left_out = dict[str, tuple[Example, ...]](), dict[str, str]()
    for lang in wanted:
        loaded = load_examples(task, lang, direction, split, config.where)
        if loaded.alignment.failed:
            why = (
                "source and target are not the same items "
                f"({'; '.join(loaded.alignment.reasons)}: {_rows(loaded)})"
            )
            if not config.allow_misaligned:
                left_out[lang] = why
                say(f"{task.name} {split}, {lang} is left out: {why}; --allow-misaligned takes it")
                continue
            say(f"{task.name} {split}, {lang} is taken as asked, though {why}")
        kept = loaded.examples[: config.limit]
        if mode == "score" and any(len(one.candidates) < 2 for one in kept):
            raise XTransplantError(
                f"{task.name} {lang}: an example has fewer than two candidates, so there is "
                "nothing to choose by score; use --mode generate"
            )
        examples[lang] = kept
    if not examples:
        raise XTransplantError(
            f"{task.name} {split} has no language left to run"
            + (f": {', '.join(left_out)} left out" if left_out else f" among {config.langs}")
        )
    if task.note and config.where.data_dir is None:
        say(f"{task.name}: {task.note}")
    return TaskPlan(task, direction, split, mode, examples, left_out)


def _rows(loaded: Loaded) -> str:
    """``rows 3, 7, 210 to 999`` of those that speak against a language, counted from 0."""
    spans: list[list[int]] = []
    for row in loaded.alignment.rows:
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    shown = [f"{a}" if a == b else f"{a} to {b}" for a, b in spans[:4]]
    more = f" and more, up to {spans[-1][1]}" if len(spans) > 4 else ""
    return f"rows {', '.join(shown)}{more}"


def _identity(
    config: Config,
    tasks: Mapping[str, TaskPlan],
    strategies: Mapping[str, Strategy],
    pairs: Pairs,
    model: str,
) -> str:
    document: dict[str, Any] = {
        "schema": SCHEMA,
        **config.identity(),
        "strategies": {name: one.source_hash for name, one in strategies.items()},
        "tasks": {
            name: {
                "version": one.task.version, "direction": one.direction, "split": one.split,
                "mode": one.mode,
                "data": {lang: digest_of(found) for lang, found in one.examples.items()},
            }
            for name, one in tasks.items()
        },
    }  # fmt: skip
    if config.model.name is None:
        document["model"]["name"] = f"of the task: {model.rpartition('/')[2]}"
    if isinstance(pairs, Chosen):
        document["pairs"] = sorted(
            (name, strategy, lang, *pairs.find(name, strategy, lang))
            for name, one in tasks.items()
            for strategy in strategies
            for lang in one.examples
        )
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
