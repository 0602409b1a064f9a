"""One task of a bench, before a model is loaded: which of its examples are run, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from xtransplant.backends.protocol import Say
from xtransplant.bench.baselines import plan_baselines
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.pairs import Chosen
from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example, key_of
from xtransplant.runs.columns import Mode
from xtransplant.tasks.baselines import Baseline
from xtransplant.tasks.load import Loaded, load_examples
from xtransplant.tasks.sources import with_sources
from xtransplant.tasks.spacing import run_on
from xtransplant.tasks.task import NothingThere, Task

__all__ = ["TaskPlan", "leave_out_unchosen", "model_name", "nothing_left", "plan_task"]


@dataclass(frozen=True)
class TaskPlan:
    """One task of a bench: its examples, and how they are run.

    Attributes:
        examples: by language, cut to the limit; none where nothing of a task fits.
        left_out: languages that are not run, and why.
        too_long: ids of examples longer than the model's context, by language.
        baselines: prompts that are run beside the strategies.
    """

    task: Task
    direction: str
    split: str
    mode: Mode
    examples: dict[str, tuple[Example, ...]]
    left_out: dict[str, str]
    too_long: dict[str, list[str]] = field(default_factory=dict)
    baselines: tuple[Baseline, ...] = ()


def plan_task(task: Task, config: Config, say: Say, say_left_out: Say | None = None) -> TaskPlan:
    """The examples of a task, and how they are run.

    Args:
        task: whose examples are loaded.
        config: every setting of the bench.
        say: called with notes on the data.
        say_left_out: called with each language that is left out; ``say`` by default.

    Raises:
        XTransplantError: a mode, a limit or a split that the task has not, or data that cannot be
            read.
    """
    direction = config.direction or task.direction
    split = config.split or task.splits_in(config.data)[0]
    mode = config.mode or task.mode
    if mode == "score" and not task.scored:
        raise XTransplantError(
            f"{task.name} has no candidates to score; use --mode generate, or leave it out"
        )
    if config.limit is not None and config.limit < 1:
        raise XTransplantError(f"--limit {config.limit} leaves no example; give 1 or more")
    there = task.languages_in(config.data)
    examples, left_out = dict[str, tuple[Example, ...]](), dict[str, str]()
    for lang in config.langs or there:
        if lang not in there:
            continue
        try:
            found = load_examples(task, lang, direction, split, config.data)
        except NothingThere as error:
            left_out[lang] = str(error)
            (say_left_out or say)(f"{task.name} {split}, {lang} is left out: {error}")
            continue
        why = _misaligned(found)
        if why and not config.allow_misaligned:
            left_out[lang] = why
            line = f"{task.name} {split}, {lang} is left out: {why}; --allow-misaligned takes it"
            (say_left_out or say)(line)
            continue
        if why:
            say(f"{task.name} {split}, {lang} is taken as asked, though {why}")
        chosen = found.examples[: config.limit]
        examples[lang] = with_sources(
            task, lang, direction, split, config.sources, config.data, chosen
        )
    mode = _mode_of(task, config, mode, examples, say)
    line = run_on(one for own in examples.values() for one in own)
    if line and mode == "score" and not config.chat_template:
        say(f"{task.name}: {line}")
    _check_sources(task, config.only, [one for own in examples.values() for one in own])
    if task.note and config.data.data_dir is None:
        say(f"{task.name}: {task.note}")
    baselines = plan_baselines(task, direction, split, config, examples)
    return TaskPlan(task, direction, split, mode, examples, left_out, baselines=baselines)


def _misaligned(found: Loaded) -> str:
    """Why source and target prompts are not the same items; empty if they are."""
    if not found.alignment.failed:
        return ""
    reasons = "; ".join(found.alignment.reasons)
    return f"source and target are not the same items ({reasons}: {_rows(found)})"


def _mode_of(
    task: Task,
    config: Config,
    mode: Mode,
    examples: dict[str, tuple[Example, ...]],
    say: Say,
) -> Mode:
    """The mode, which is to generate where none was asked for and nothing can be scored.

    Raises:
        XTransplantError: examples that can, and some that cannot; or scores of these.
    """
    every = [one for own in examples.values() for one in own]
    unscored = mode == "score" and bool(every) and not any(one.candidates for one in every)
    if config.mode is None and unscored:
        say(f"{task.name} has no candidates to score, so texts are generated (--mode generate)")
        return "generate"
    if mode == "score":
        for lang, own in examples.items():
            _check_candidates(task, lang, own)
    return mode


def _check_candidates(task: Task, lang: str, examples: Iterable[Example]) -> None:
    """Refuse examples between whose candidates there is nothing to choose.

    Raises:
        XTransplantError: one has fewer than two.
    """
    if any(len(one.candidates) < 2 for one in examples):
        raise XTransplantError(
            f"{task.name} {lang}: an example has fewer than two candidates, so there is "
            "nothing to choose by score; use --mode generate, or give candidates: in a file a "
            'column candidates, in CSV as " yes| no" or ["yes", "no"]'
        )


def _check_sources(task: Task, only: str, examples: Sequence[Example]) -> None:
    """Refuse to look for a set of examples where nothing says what is right after any source.

    Raises:
        XTransplantError: of no example anything does.
    """
    if only == "all" or not examples:
        return
    if not any((one.source_key or key_of(one)).answers for one in examples):
        raise XTransplantError(
            f"--only {only}: nothing says what is right after the sources of {task.name}, so it is "
            "not known which examples that is; a file says it in source_candidates or "
            "source_answer: --column source_candidates=COLUMN (docs/bench.md)"
        )


def leave_out_unchosen(
    plan: TaskPlan, chosen: Chosen, strategies: Iterable[str], say: Say
) -> TaskPlan:
    """A task without the languages that no pair was chosen for."""
    name, left_out = plan.task.name, dict(plan.left_out)
    for lang in plan.examples:
        if not all(chosen.has(name, strategy, lang) for strategy in strategies):
            left_out[lang] = f"{chosen.origin} chose no pair for it"
            say(f"{name} {plan.split}, {lang} is left out: {left_out[lang]}")
    kept = {lang: own for lang, own in plan.examples.items() if lang not in left_out}
    return replace(plan, examples=kept, left_out=left_out)


def nothing_left(plan: TaskPlan, config: Config) -> str:
    """A line that says that no language of a task is left to run, and why."""
    among = ", ".join(plan.left_out)
    why = f": {among} left out" if among else f" among {', '.join(config.langs)}"
    return f"{plan.task.name} {plan.split} has no language left to run{why}"


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


def model_name(spec: ModelSpec, tasks: Sequence[Task]) -> str:
    """The model that tasks are run on: if unnamed, the first that comes with one of them.

    Raises:
        XTransplantError: none does.
    """
    name = spec.name or next((task.checkpoint for task in tasks if task.checkpoint), None)
    if name is None:
        raise XTransplantError(
            f"no model comes with {tasks[0].name}: name one, --model REPOSITORY, FOLDER or "
            "FILE.gguf, or the bundled one, --model babel"
        )
    return name
