"""One grid from the flags of ``xtp trace``: whatever is wrong is found before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from xtransplant.backends.protocol import Backend
from xtransplant.backends.registry import parse_on
from xtransplant.bench.config import ModelSpec
from xtransplant.bench.data_source import data_source_of
from xtransplant.bench.sources import check_sources
from xtransplant.bench.trace_flags import PromptFlags, TraceFlags
from xtransplant.bench.unused import check_given, check_trace
from xtransplant.errors import XTransplantError
from xtransplant.grid.axes import (
    LAYERS,
    PROBABILITY,
    MetricName,
    check_axes,
    check_layers_fixed,
)
from xtransplant.model.checkpoint import find_checkpoint
from xtransplant.options import (
    check_layers,
    parse_assignments,
    parse_bytes,
    parse_layers,
    parse_names,
)
from xtransplant.prompts import Example
from xtransplant.strategies import Sweep, check_verifiable, find_strategy, sweep_options
from xtransplant.strategies.describe import refuse_invalid
from xtransplant.strategies.fit_command import FitOn
from xtransplant.style.paths import PLOT_SUFFIXES, TABLE_SUFFIXES, checked_path
from xtransplant.tasks.choose import TaskChoice, choose_example
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.spacing import run_on

__all__ = ["TraceConfig", "TracePlan", "find_example", "parse_trace", "plan_trace"]


@dataclass(frozen=True)
class TraceConfig:
    """What a grid is asked to be, parsed and checked.

    Attributes:
        sweep: the strategy, and which of its options have several values.
        model: its name is None for the task's own.
        prompt: which example; ``data`` is where its task's data lie.
        source_layers, target_layers: as text, for the model says how many there are.
        scores, generations: score the candidates; generate a continuation in each cell.
        memory_budget: bytes beyond the model; half of what is free if None.
        verify: run the grid again one variant at a time.
        save, plot: files for its cells and its heatmap.
        axes: what its tables and heatmaps stand over; None for layers, where it is no sweep.
        metric: what their cells show of an answer that is scored.
    """

    sweep: Sweep
    model: ModelSpec
    prompt: PromptFlags
    data: DataSource
    backend: Backend
    source_layers: str = "all"
    target_layers: str = "all"
    scores: bool = True
    generations: bool = False
    max_new_tokens: int = 20
    chat_template: bool = False
    memory_budget: int | None = None
    verify: bool = False
    save: Path | None = None
    plot: Path | None = None
    axes: tuple[str, str] | None = None
    metric: MetricName = PROBABILITY


@dataclass(frozen=True)
class TracePlan:
    """A grid ready to be run: what was asked for, its example, and the model's name."""

    config: TraceConfig
    example: Example
    model_name: str

    @property
    def loading(self) -> str:
        """What is being done while its model is loaded, for the user."""
        return find_checkpoint(self.model_name, self.config.model.gguf_file).loading

    @property
    def written(self) -> tuple[str, ...]:
        """Which files it has written when it is done, a line each."""
        config = self.config
        files = (("cells", config.save), ("heatmap", config.plot))
        return tuple(f"{what} in {path}" for what, path in files if path is not None)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of the user's own candidates is likely not meant, a line each."""
        config, found = self.config, list[str]()
        if not config.prompt.candidates or not config.scores:
            return ()
        if not config.chat_template and (line := run_on([self.example])):
            found.append(line)
        if self.example.answer is None:
            one = self.example.candidates[0]
            found.append(f"no answer is given; its probability in each cell: --answer {one!r}")
        return tuple(found)

    def layers(self, n_layers: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Source layers and target layers of a model with ``n_layers``.

        Raises:
            XTransplantError: layers that it has not.
        """
        source = parse_layers(self.config.source_layers, n_layers, "--source-layers")
        target = parse_layers(self.config.target_layers, n_layers, "--target-layers")
        if self.config.axes is not None:
            check_layers_fixed(self.config.axes, source, target)
        return source, target


def parse_trace(flags: TraceFlags) -> TraceConfig:
    """What the flags say.

    Raises:
        XTransplantError: text that means nothing, an unknown strategy, a folder or file that is not
            there, or a flag that would do nothing.
    """
    sweep, axes = _parse_sweep(flags)
    refuse_invalid(sweep.strategies[0])
    for one in sweep.strategies:
        one.check_fitted(_fit_on(flags))
    if flags.verify:
        check_verifiable(sweep.strategy)
    check_layers(flags.source_layers, "--source-layers")
    check_layers(flags.target_layers, "--target-layers")
    load, prompt = flags.load, flags.prompt
    data = data_source_of(prompt.data)
    backend = parse_on(flags.on, insecure=flags.insecure)
    check_given(
        model=flags.model, revision=load.revision, task=prompt.task, lang=prompt.lang,
        split=prompt.split, family=load.family, gguf_file=load.gguf_file,
        quantization=load.quantization, sources=prompt.sources,
        device_map=load.device_map, split_by=prompt.data.split_by,
    )  # fmt: skip
    config = TraceConfig(
        sweep=sweep,
        model=ModelSpec.of(flags.model, load, add_bos=flags.add_bos),
        prompt=prompt,
        data=data,
        backend=backend,
        source_layers=flags.source_layers,
        target_layers=flags.target_layers,
        scores=flags.score or bool(prompt.candidates) or not flags.generate,
        generations=flags.generate,
        max_new_tokens=flags.max_new_tokens,
        chat_template=flags.apply_chat_template,
        memory_budget=None if flags.memory_budget is None else parse_bytes(flags.memory_budget),
        verify=flags.verify,
        save=flags.save,
        plot=flags.plot,
        axes=axes or (LAYERS if sweep.axes else None),
        metric=flags.metric,
    )
    _check_unused(flags, config)
    if prompt.source is None and prompt.target is None:  # else there are none to be named
        check_sources(parse_names(prompt.sources), {str(one): one for one in sweep.strategies})
    return config


def _fit_on(flags: TraceFlags) -> FitOn:
    """What a fit that is missing would be made on."""
    prompt = flags.prompt
    if prompt.source is not None or prompt.target is not None:
        return FitOn(model=flags.model or "MODEL")
    task = prompt.task or "babel"
    split = "unseen" if prompt.split == "pilot" else "pilot"
    return FitOn(task, split, flags.model or "")


def _parse_sweep(flags: TraceFlags) -> tuple[Sweep, tuple[str, str] | None]:
    """The strategy with its options, and the axes of its tables, where they are given."""
    strategy, options = find_strategy(flags.strategy), parse_assignments(flags.options)
    if flags.axes is None:
        return sweep_options(strategy, options), None
    names = [name.strip() for name in flags.axes.split(",")]
    # An option that is an axis and has no value is swept over all that it declares.
    declared = {one.name for one in strategy.options if one.axis or get_args(one.type)}
    unswept = dict.fromkeys(declared.intersection(names), "all")
    sweep = sweep_options(strategy, unswept | options)
    try:
        return sweep, check_axes(names, [name for name, _ in sweep.axes])
    except XTransplantError as error:
        raise XTransplantError(f"--{error}") from None


def _check_unused(flags: TraceFlags, config: TraceConfig) -> None:
    only_run = {
        "--axes": flags.axes is not None,
        "--metric": flags.metric != PROBABILITY,
        "--verify": flags.verify,
        "--save": flags.save,
        "--plot": flags.plot,
        "--json": flags.as_json,
    }
    prompt = flags.prompt
    check_trace(
        config.model, prompt.task, config.data, config.backend, split=prompt.split,
        written=prompt.source is not None or prompt.target is not None,
        only_run=[flag for flag, given in only_run.items() if given],
    )  # fmt: skip


def plan_trace(config: TraceConfig) -> TracePlan:
    """The example and the model of a grid, and whether its files can be written.

    Raises:
        XTransplantError: prompts or data that cannot be read, no such example, no model, or a path
            that nothing can be written to.
    """
    example, name = find_example(config.prompt, config.model, config.data)
    if config.metric != PROBABILITY and (not config.scores or example.answer is None):
        why = "no candidate is scored" if not config.scores else "the example has no answer"
        raise XTransplantError(
            f"--metric {config.metric} is of the score of an answer, and {why}; give --score, "
            "--candidates and --answer, or leave it out"
        )
    if config.save is not None:
        checked_path(config.save, TABLE_SUFFIXES, "--save")
    if config.plot is not None:
        checked_path(config.plot, PLOT_SUFFIXES, "--plot")
    return TracePlan(config, example, name)


def find_example(prompt: PromptFlags, spec: ModelSpec, data: DataSource) -> tuple[Example, str]:
    """The example that the flags ask for, and the model to try it on: if unnamed, its task's own.

    Raises:
        XTransplantError: prompts or data that cannot be read, no such example, or no model.
    """
    example, bundled = choose_example(
        TaskChoice(
            prompt.task,
            prompt.lang,
            prompt.example,
            prompt.direction,
            prompt.split,
            parse_names(prompt.sources),
        ),
        source=prompt.source,
        target=prompt.target,
        candidates=prompt.candidates,
        answer=prompt.answer,
        alignment=prompt.alignment,
        data=data,
    )
    name = spec.name or bundled
    if name is None:
        raise XTransplantError(
            "no model for these prompts: name one, --model REPOSITORY, FOLDER or FILE.gguf, or the "
            "bundled one, --model babel"
        )
    return example, name
