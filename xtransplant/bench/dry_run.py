"""What a bench would come to: counted exactly; timed on one example, if it would run here."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet

from xtransplant.backends.dry import Dry
from xtransplant.backends.local import Local
from xtransplant.bench.compute import ComputeSettings, Work, compute_records
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.context_limit import leave_out_too_long
from xtransplant.bench.load import load_model
from xtransplant.bench.new_manifest import new_manifest, pair_notes
from xtransplant.bench.null_works import null_works
from xtransplant.bench.opening import find_run
from xtransplant.bench.plan import Plan, make_plan
from xtransplant.bench.sizes import fixed_budget
from xtransplant.engine.ask.items import example_lengths, item_of
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.tokenise import prompt_lengths
from xtransplant.engine.dry_run import dry_run_grid, likely_packing
from xtransplant.engine.verify import packing_for
from xtransplant.model.model import Model
from xtransplant.packing import Packing
from xtransplant.prompts import Example
from xtransplant.runs.manifest import Manifest, Part
from xtransplant.strategies.travel import collect_functions, find_concerns

__all__ = ["DryRun", "dry_bench", "dry_run"]


@dataclass(frozen=True)
class DryRun:
    """A run that was not made.

    Attributes:
        path: where it would lie.
        done: examples that are stored there already.
        examples: in all.
        variants: examples times strategies and their nulls times pairs, and times baselines.
        prompt_tokens: of sources and targets, once per strategy and null; and of baselines.
        token_forwards: how many times a token goes through the whole model, about.
        bytes: on disk, about; None where nothing was run.
        seconds: about; from one example of each task, scaled by prompts' lengths; likewise.
        payload: bytes of the largest job that was serialized; None where it would run here.
        packing: how variants would share their work; elsewhere it is verified there.
        concerns: what of the strategies' own functions could not be sent to a server.
    """

    path: Path
    done: int
    examples: int
    variants: int
    prompt_tokens: int
    token_forwards: float
    bytes: float | None
    seconds: float | None
    payload: int | None
    packing: str
    concerns: tuple[str, ...]


def dry_bench(config: Config, context: RunContext, *, across: bool = False) -> DryRun:
    """:func:`dry_run` of a configuration; loads its model, unless it would run elsewhere.

    Raises:
        XTransplantError: anything wrong with the configuration, the data or the model.
    """
    plan = make_plan(config, across=across, say=context.say)
    if config.only != "all":
        context.say(
            f"--only {config.only}: which examples that is shows when both their prompts have run; "
            "this is what the grids of all of them would come to"
        )
    backend = Local() if context.backend.in_process else Dry()
    model = load_model(plan.model_name, config.model, backend, context.doing)
    return dry_run(leave_out_too_long(plan, model, context.say), context, model)


def dry_run(plan: Plan, context: RunContext, model: Model) -> DryRun:
    """Count a bench by one example of median length of each task, and time it if it runs here.

    Args:
        plan: what is to be run.
        context: where and how the run is opened.
        model: loaded with a dry backend if it would run elsewhere.

    Raises:
        XTransplantError: an unusable prompt or candidate, or functions that cannot be sent.
    """
    path, run = find_run(plan, context.output_path, fresh=context.fresh)
    for line in pair_notes(plan, model):
        context.say(line)
    manifest = new_manifest(plan, model) if run is None else run.manifest
    missing = list(manifest.parts()) if run is None else run.missing()
    total = sum(language.n for t in manifest.tasks.values() for language in t.languages.values())
    here = not model.backend.is_dry
    packing = packing_for(model).packing if here else likely_packing(model)
    counts = [
        _count(plan, manifest, model, packing, parts)
        for parts in ([part for part in missing if part.task == name] for name in plan.tasks)
        if parts
    ]
    functions = collect_functions(v for one in counts for work in one.works for v in work.variants)
    return DryRun(
        path=path,
        done=total - sum(part.stop - part.start for part in missing),
        examples=total,
        variants=sum(one.variants for one in counts),
        prompt_tokens=sum(one.prompt_tokens for one in counts),
        token_forwards=sum(one.token_forwards for one in counts),
        bytes=sum(one.bytes for one in counts) if here else None,
        seconds=sum(one.seconds for one in counts) if here else None,
        payload=None if here else max((one.payload for one in counts), default=0),
        packing=str(packing),
        concerns=tuple(map(str, find_concerns(functions))),
    )


@dataclass
class _Count:
    """What the missing parts of one task come to; attributes as those of :class:`DryRun`."""

    works: list[Work]
    payload: int
    variants: int = 0
    prompt_tokens: int = 0
    token_forwards: float = 0.0
    bytes: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class _One:
    """What one example of a task comes to."""

    token_forwards: float
    seconds: float = 0.0
    bytes: int = 0
    payload: int = 0


def _count(
    plan: Plan, manifest: Manifest, model: Model, packing: Packing, parts: Sequence[Part]
) -> _Count:
    """Count some parts of one task."""
    name, config = parts[0].task, plan.config
    task = plan.tasks[name]
    settings = ComputeSettings(
        packing, task.mode, config.max_new_tokens, config.chat_template, fixed_budget(model),
        exact_scores=config.exact_scores,
    )  # fmt: skip
    lengths = {
        lang: _prompt_tokens(model, examples, chat_template=config.chat_template)
        for lang, examples in task.examples.items()
    }
    works = {
        lang: [
            Work.of(model, s, strategy, manifest.pairs(s, name, lang), task.examples[lang][0])
            for s, strategy in plan.strategies.items()
        ]
        for lang in task.examples
    }
    for lang, own in works.items():
        own += null_works(plan.nulls, own, task.examples[lang])
        own += [Work.of_baseline(one, lang) for one in task.baselines]
    pairs = {lang: sum(work.n_rows for work in own) for lang, own in works.items()}
    lang, at = _median(lengths)
    measure = _count_job if model.backend.is_dry else _time
    one = measure(model, task.examples[lang], at, works[lang], settings)
    found = _Count([work for own in works.values() for work in own], one.payload)
    for part in parts:
        n = part.stop - part.start
        length = sum(lengths[part.lang][part.start : part.stop])
        found.variants += pairs[part.lang] * n
        found.prompt_tokens += length * len(plan.strategies)
        for work in works[part.lang]:
            if work.prompt is not None:
                examples = task.examples[part.lang][part.start : part.stop]
                found.prompt_tokens += _tokens_of(model, work, examples, config)
        share = length / lengths[lang][at] * pairs[part.lang] / pairs[lang]
        found.seconds += one.seconds * share
        found.token_forwards += one.token_forwards * share
        found.bytes += one.bytes * n * pairs[part.lang] / pairs[lang]
    return found


def _tokens_of(model: Model, work: Work, examples: Sequence[Example], config: Config) -> int:
    """Tokens of a null grid's prompts, or of a baseline's, which has one."""
    own = [example if work.prompt is None else work.prompt(example) for example in examples]
    if not work.baseline:
        return sum(_prompt_tokens(model, own, chat_template=config.chat_template))
    texts = [example.target for example in own]
    return sum(prompt_lengths(model, texts, chat_template=config.chat_template))


def _prompt_tokens(model: Model, examples: Sequence[Example], *, chat_template: bool) -> list[int]:
    """Tokens of each example's prompts together."""
    return [sum(own) for own in example_lengths(model, examples, chat_template=chat_template)]


def _time(
    model: Model, examples: Sequence[Example], at: int, works: list[Work], settings: ComputeSettings
) -> _One:
    """Run one example, and take the time."""
    span = range(at, at + 1)
    compute_records(model, examples, span, works, settings)  # once to warm up
    started = time.perf_counter()
    computed = compute_records(model, examples, span, works, settings)
    seconds = time.perf_counter() - started
    file = io.BytesIO()
    pyarrow.parquet.write_table(computed.records, file, compression="zstd")
    return _One(computed.token_forwards, seconds, bytes=file.tell())


def _count_job(
    model: Model, examples: Sequence[Example], at: int, works: list[Work], settings: ComputeSettings
) -> _One:
    """Serialize the jobs of one example, without sending them."""
    decoding = Decoding(settings.max_new_tokens) if settings.mode == "generate" else None
    found = []
    for work in works:
        example = examples[at] if work.prompt is None else work.prompt(examples[at])
        item = item_of(model, example, chat_template=settings.chat_template)
        found.append(dry_run_grid(model, item, work.variants or [()], decoding))
    return _One(sum(one.token_forwards for one in found), payload=max(one.payload for one in found))


def _median(lengths: dict[str, list[int]]) -> tuple[str, int]:
    """Language and number of the example of median length."""
    ordered = sorted((n, lang, k) for lang, own in lengths.items() for k, n in enumerate(own))
    _, lang, k = ordered[len(ordered) // 2]
    return lang, k
