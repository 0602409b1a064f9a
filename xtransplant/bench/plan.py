"""What a bench comes to, before a model is loaded: its examples, strategies, pairs, identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xtransplant.backends.protocol import Say
from xtransplant.bench.chosen_values import keep_chosen
from xtransplant.bench.config import Config
from xtransplant.bench.fitted import check_fits
from xtransplant.bench.nulls import check_paraphrases, plan_nulls
from xtransplant.bench.pairs import Chosen, Pairs, list_pairs, parse_pairs
from xtransplant.bench.run_id import run_id
from xtransplant.bench.sources import check_sources
from xtransplant.bench.task_plan import (
    TaskPlan,
    leave_out_unchosen,
    model_name,
    nothing_left,
    plan_task,
)
from xtransplant.errors import XTransplantError
from xtransplant.runs.columns import SOURCE, VANILLA
from xtransplant.runs.names import plain_name
from xtransplant.strategies import Strategy, find_strategy, sweep_options
from xtransplant.strategies.describe import refuse_invalid
from xtransplant.tasks.baselines import parse_baselines
from xtransplant.tasks.languages import unknown_language
from xtransplant.tasks.nulls import NullGrid
from xtransplant.tasks.task import Task, find_task

__all__ = ["Plan", "check_names", "make_plan", "sweeps_of"]


@dataclass(frozen=True)
class Plan:
    """A bench, ready to be run.

    Attributes:
        model_name: hub repository or folder.
        nulls: strategies that are run once more without what their source knows.
        id: hash of all that the records depend on.
    """

    config: Config
    model_name: str
    tasks: dict[str, TaskPlan]
    strategies: dict[str, Strategy]
    pairs: Pairs
    id: str
    nulls: tuple[NullGrid, ...] = ()

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
            layers = self.config.source_layers, self.config.target_layers
            return list_pairs(self.pairs, n_layers, *layers)
        i, j = self.pairs.find(task, strategy, lang)
        if max(i, j) >= n_layers:
            raise XTransplantError(
                f"{self.pairs.origin} chose {i}→{j} for {lang}, but {self.model_name} has layers "
                f"0 to {n_layers - 1}; was it chosen for another model?"
            )
        return [(i, j)]


def make_plan(
    config: Config,
    *,
    across: bool = False,
    chosen: Chosen | None = None,
    say: Say = lambda line: None,
) -> Plan:
    """Load strategies and examples, and check everything that needs no model.

    Args:
        config: every setting of the bench.
        across: see :func:`parse_pairs`.
        chosen: pairs that take the place of those that the configuration names; languages that
            they do not have are left out.
        say: called with what a user has to know (languages left out, notes on the data).

    Raises:
        XTransplantError: anything that is wrong with the configuration or the data.
    """
    sweeps = _sweeps(config)
    strategies = {name: one for sweep in sweeps for name, one in sweep.items()}
    check_sources(config.sources, strategies)
    pairs = parse_pairs(config.pairs, across=across) if chosen is None else chosen
    if isinstance(pairs, Chosen):
        strategies = {name: strategies[name] for name in keep_chosen(sweeps, pairs, say)}
    tasks = _tasks(config)
    planned = {task.name: plan_task(task, config, say) for task in tasks}
    if chosen is not None:
        planned = {
            name: leave_out_unchosen(one, chosen, strategies, say) for name, one in planned.items()
        }
    if isinstance(pairs, Chosen):
        _say_in_sample(pairs, planned, strategies, say)
    empty = [nothing_left(one, config) for one in planned.values() if not one.examples]
    if len(empty) == len(planned):
        raise XTransplantError("; ".join(empty))
    for line in empty:
        say(f"{line}: it is left out")
    model = model_name(config.model, tasks)
    check_fits(strategies.values(), planned, config.model.name)
    nulls = plan_nulls(config.nulls, strategies, say)
    for name, one in planned.items():
        check_paraphrases(config.nulls, name, one.examples)
    found = run_id(config, planned, strategies, pairs, model, nulls)
    return Plan(config, model, planned, strategies, pairs, found, nulls)


def check_names(config: Config, *, across: bool = False) -> None:
    """Refuse what :func:`make_plan` refuses by its name alone, before anything large is imported.

    Raises:
        XTransplantError: a strategy, an option, a task, a language or pairs that are not there, a
            file that cannot be read, or no model.
    """
    sweeps = _sweeps(config)
    check_sources(config.sources, {name: one for sweep in sweeps for name, one in sweep.items()})
    if not config.pairs.startswith("@"):  # a run is read when there is need of it
        parse_pairs(config.pairs, across=across)
    model_name(config.model, _tasks(config))


def _tasks(config: Config) -> list[Task]:
    tasks = [find_task(name) for name in dict.fromkeys(config.tasks)]
    if not tasks:
        raise XTransplantError("no task is given; try --task babel, or xtp list tasks")
    known = [lang for task in tasks for lang in task.languages_in(config.data)]
    unknown = [lang for lang in config.langs if lang not in known]
    if unknown:
        names = " and ".join(task.name for task in tasks)
        raise XTransplantError(unknown_language(unknown[0], names, tuple(dict.fromkeys(known))))
    return tasks


def sweeps_of(config: Config) -> list[list[str]]:
    """Names of the strategies that each one given comes to: one, or a sweep's.

    Raises:
        XTransplantError: as :func:`make_plan`.
    """
    return [list(names) for names in _sweeps(config)]


def _sweeps(config: Config) -> list[dict[str, Strategy]]:
    """The strategies with their options bound, by name: of each one given those of its sweep."""
    baselines = parse_baselines(config.baselines)
    if not config.strategies and not baselines:
        raise XTransplantError("no strategy is given; try --strategy attn-swap")
    if not config.strategies and config.pairs != "overall":
        raise XTransplantError(
            f"--pairs {config.pairs} does nothing without a strategy; name one, --strategy "
            "attn-swap, or leave it out"
        )
    found = [find_strategy(name) for name in dict.fromkeys(config.strategies)]
    values = dict(config.options)
    taken = {option.name for strategy in found for option in strategy.options}
    for name in values.keys() - taken:
        right = ", ".join(sorted(taken)) or "none"
        raise XTransplantError(
            f"-S {name}={values[name]}: no strategy here has this option; there are: {right}"
        )
    swept = [
        sweep_options(one, {o.name: values[o.name] for o in one.options if o.name in values})
        for one in found
    ]
    for sweep in swept:
        refuse_invalid(sweep.strategies[0])
    sweeps = [{str(one): one for one in sweep.strategies} for sweep in swept]
    names = [name for sweep in sweeps for name in sweep]
    taken_names = {VANILLA, SOURCE, *baselines}
    if len({*names}) < len(names) or taken_names.intersection(names):
        raise XTransplantError(
            f"strategies need names of their own, not {VANILLA} or {SOURCE} or a baseline's: "
            f"{', '.join(dict.fromkeys(names))}"
        )
    return sweeps


def _say_in_sample(
    chosen: Chosen, tasks: Mapping[str, TaskPlan], strategies: Iterable[str], say: Say
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
