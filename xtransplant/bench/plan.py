"""What a bench comes to, before a model is loaded: its examples, strategies, pairs, identity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from xtransplant.bench.config import Config
from xtransplant.bench.pairs import Chosen, Pairs, listed, parse_pairs
from xtransplant.bench.resolved import identity_of
from xtransplant.errors import XTransplantError
from xtransplant.prompts import Example
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.names import plain_name
from xtransplant.strategies import Strategy, find_strategy
from xtransplant.tasks.load import Loaded, load_examples
from xtransplant.tasks.task import NothingThere, Task, find_task

__all__ = ["Plan", "TaskPlan", "make_plan"]

Report = Callable[[str], None]


@dataclass(frozen=True)
class TaskPlan:
    """One task of a bench.

    Attributes:
        examples: by language, cut to the limit; none where nothing of a task fits.
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
        # In whatever order they were named, it is the same run.
        names = sorted(self.tasks)
        what = "+".join(names) if len(names) < 4 else f"{len(names)}-tasks"
        split = "+".join(dict.fromkeys(self.tasks[name].split for name in names))
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
        pairs: chosen already, instead of those that the configuration names; languages that
            they do not have are left out.
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
    known = [lang for task in tasks for lang in task.languages_in(config.data)]
    unknown = [lang for lang in config.langs if lang not in known]
    if unknown:
        raise XTransplantError(
            f"--langs {unknown[0]}: {' and '.join(task.name for task in tasks)} has "
            f"{', '.join(dict.fromkeys(known))}"
        )
    planned = {task.name: _task(task, config, say) for task in tasks}
    if isinstance(chosen, Chosen):
        if pairs is not None:
            planned = {name: _having(chosen, one, strategies, say) for name, one in planned.items()}
        _say_in_sample(chosen, planned, strategies, say)
    if not any(one.examples for one in planned.values()):
        raise XTransplantError("; ".join(_nothing(one, config) for one in planned.values()))
    for one in planned.values():
        if not one.examples:
            say(f"{_nothing(one, config)}: it is left out")
    model = config.model.name or next((t.checkpoint for t in tasks if t.checkpoint), None)
    if model is None:
        raise XTransplantError(
            f"no model comes with {tasks[0].name}: name one, --model REPOSITORY|FOLDER"
        )
    identity = identity_of(config, planned, strategies, chosen, model)
    return Plan(config, model, planned, strategies, chosen, identity)


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
    bound = [_bound(strategy, values) for strategy in found]
    named = {str(strategy): strategy for strategy in bound}
    if len(named) < len(bound) or named.keys() & {VANILLA, SOURCE}:
        raise XTransplantError(
            f"strategies need names of their own, not {VANILLA} or {SOURCE}: {', '.join(named)}"
        )
    return named


def _bound(strategy: Strategy, values: dict[str, str]) -> Strategy:
    """A strategy with its options bound; one that says the default aloud is the same strategy."""
    said = {one.name: one.parse(values[one.name]) for one in strategy.options if one.name in values}
    defaults = {one.name: one.default for one in strategy.options}
    return strategy.with_options(
        {name: value for name, value in said.items() if value != defaults[name]}
    )


def _task(task: Task, config: Config, say: Report) -> TaskPlan:
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
    wanted = [lang for lang in config.langs or there if lang in there]
    examples, left_out = dict[str, tuple[Example, ...]](), dict[str, str]()
    for lang in wanted:
        try:
            loaded = load_examples(task, lang, direction, split, config.data)
        except NothingThere as error:
            left_out[lang] = str(error)
            say(f"{task.name} {split}, {lang} is left out: {error}")
            continue
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
    if task.note and config.data.data_dir is None:
        say(f"{task.name}: {task.note}")
    return TaskPlan(task, direction, split, mode, examples, left_out)


def _having(chosen: Chosen, plan: TaskPlan, strategies: Iterable[str], say: Report) -> TaskPlan:
    """A task without the languages that no pair was chosen for."""
    name, left_out = plan.task.name, dict(plan.left_out)
    for lang in plan.examples:
        if not all(chosen.has(name, strategy, lang) for strategy in strategies):
            left_out[lang] = f"{chosen.origin} chose no pair for it"
            say(f"{name} {plan.split}, {lang} is left out: {left_out[lang]}")
    kept = {lang: own for lang, own in plan.examples.items() if lang not in left_out}
    return replace(plan, examples=kept, left_out=left_out)


def _say_in_sample(
    chosen: Chosen, tasks: Mapping[str, TaskPlan], strategies: Iterable[str], say: Report
) -> None:
    """Whether chosen pairs are tried on what they were chosen on.

    Raises:
        XTransplantError: a language nobody chose for.
    """
    seen = total = 0
    for name, one in tasks.items():
        for lang, examples in one.examples.items():
            for strategy in strategies:
                chosen.find(name, strategy, lang)
            seen += max(0, chosen.in_sample(examples))
            total += len(examples)
    if seen:
        say(
            f"in-sample (†): the pairs of {chosen.origin} were chosen on {seen} of these {total} "
            "examples, so what they reach here is no held-out result; apply them to another split"
        )
    elif chosen.items is None:
        say(
            f"{chosen.origin} does not say on which examples its pairs were chosen; whether they "
            "are tried on others here is for you to know"
        )


def _nothing(plan: TaskPlan, config: Config) -> str:
    """That nothing of a task is left to run."""
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
