"""From the flags of ``xtp bench`` and ``xtp pilot`` to what a bench is and where it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from xtransplant.backends.registry import parse_on
from xtransplant.bench.config import Config, ModelSpec
from xtransplant.bench.context import RunContext
from xtransplant.bench.data_source import data_source_of
from xtransplant.bench.flags import BenchFlags, PilotFlags
from xtransplant.bench.nulls import default_nulls
from xtransplant.bench.unused import check_bench, check_data, check_given
from xtransplant.errors import XTransplantError
from xtransplant.options import check_layers, parse_assignments, parse_bytes, parse_names
from xtransplant.strategies import split_names
from xtransplant.tasks.baselines import n_shots, parse_baselines
from xtransplant.tasks.nulls import parse_nulls

__all__ = ["parse_bench", "parse_config", "parse_pilot", "parse_shard"]


def parse_bench(flags: BenchFlags) -> tuple[Config, RunContext]:
    """What a bench computes, and where and how it runs.

    Raises:
        XTransplantError: text that means nothing, a folder or file that is not there, or a flag
            that would do nothing.
    """
    config = parse_config(flags)
    shard = None if flags.shard is None else parse_shard(flags.shard)
    context = _context(flags, shard)
    check_bench(
        config, context.backend, shard=shard, dry=flags.dry_run, as_json=flags.output.as_json
    )
    return config, context


def parse_pilot(flags: PilotFlags) -> tuple[Config, RunContext]:
    """What a pilot computes first, and where and how its runs are made.

    Raises:
        XTransplantError: as :func:`parse_bench`.
    """
    config, context = parse_config(flags), _context(flags)
    config = replace(config, nulls=default_nulls(flags.what.null, config.strategies))
    check_bench(config, context.backend)
    return config, context


def _context(flags: BenchFlags | PilotFlags, shard: tuple[int, int] | None = None) -> RunContext:
    place, run = flags.place, flags.run
    return RunContext(
        output_path=run.output_path,
        backend=parse_on(place.on, insecure=place.insecure, jobs=place.jobs, workers=place.workers),
        fresh=run.fresh,
        shard=shard,
        accept_versions=run.accept_versions,
    )


def parse_config(flags: BenchFlags | PilotFlags) -> Config:
    """The configuration that flags say; several names may stand in one, between commas.

    Raises:
        XTransplantError: text that means nothing, a folder or file that is not there, or a flag
            that would do nothing.
    """
    what, data, run, load = flags.what, flags.data, flags.run, flags.load
    check_given(
        task=what.task, strategy=what.strategy, baselines=what.baselines, null=what.null,
        model=what.model,
        revision=load.revision,
        device_map=load.device_map, family=load.family, gguf_file=load.gguf_file,
        quantization=load.quantization,
        langs=what.langs, sources=what.sources, pairs=flags.pairs, split=flags.split,
        split_by=data.split_by,
    )  # fmt: skip
    _check_layers(flags)
    source = data_source_of(data, flags.seed)
    tasks = parse_names(what.task)
    baselines = parse_baselines(parse_names(what.baselines))
    # Few-shot examples are drawn, whatever the data.
    draws = any(map(n_shots, baselines))
    check_data(tasks, source, flags.split, None if draws else flags.seed)
    return Config(
        tasks=tasks,
        strategies=_strategies(what.strategy),
        model=ModelSpec.of(what.model, load, add_bos=run.add_bos),
        langs=parse_names(what.langs),
        pairs=flags.pairs,
        source_layers=flags.source_layers,
        target_layers=flags.target_layers,
        options=tuple(parse_assignments(run.options).items()),
        direction=flags.direction,
        mode=flags.mode,
        split=flags.split,
        limit=flags.limit,
        only=flags.only,
        data=source,
        max_new_tokens=run.max_new_tokens,
        chat_template=run.apply_chat_template,
        allow_misaligned=run.allow_misaligned,
        log_samples=run.log_samples,
        exact_scores=run.exact_scores,
        baselines=baselines,
        nulls=parse_nulls(parse_names(what.null)),
        sources=parse_names(what.sources),
        batch_size=flags.batch_size,
        memory_budget=None if flags.memory_budget is None else parse_bytes(flags.memory_budget),
    )


def _check_layers(flags: BenchFlags | PilotFlags) -> None:
    """Refuse layers that are none, or that could only speak against pairs that are named."""
    sides = {"--source-layers": flags.source_layers, "--target-layers": flags.target_layers}
    for flag, text in sides.items():
        check_layers(text, flag)
        if text != "all" and (flags.pairs.startswith("@") or ":" in flags.pairs):
            raise XTransplantError(
                f"{flag} {text} restricts overall, source-last, target-first or diagonal, and "
                f"--pairs {flags.pairs} says its pairs itself; leave one of the two out"
            )


def parse_shard(text: str) -> tuple[int, int]:
    """``2/8`` as (2, 8): the second of eight shards.

    Raises:
        XTransplantError: anything else.
    """
    number, _, count = text.partition("/")
    form = re.fullmatch(r"\d{1,6}/\d{1,6}", text, re.ASCII)
    if form is None or not 1 <= int(number) <= int(count):
        raise XTransplantError(
            f"--shard {text[:40]!r} should be k/n with k from 1 to n, such as 1/8"
        )
    return int(number), int(count)


def _strategies(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for text in texts for name in split_names(str(text))))
