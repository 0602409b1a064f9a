"""What a bench would come to: counted exactly; timed on one example, if it would run here."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet

from xtransplant.backends.dry import Dry
from xtransplant.backends.local import Local
from xtransplant.bench.compute import ComputeSettings, Work, compute_records, fixed_budget
from xtransplant.bench.config import Config
from xtransplant.bench.context_limit import fitted
from xtransplant.bench.plan import Plan, make_plan
from xtransplant.bench.run import find_run, load_model, manifest_of
from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.tokenise import prompt_lengths
from xtransplant.engine.dry_run import dry_run_grid, likely_packing
from xtransplant.engine.verify import packing_for
from xtransplant.model.load import Model
from xtransplant.prompts import Example
from xtransplant.strategies.travel import collect_functions, find_concerns

__all__ = ["DryRun", "dry_bench", "dry_run"]


@dataclass(frozen=True)
class DryRun:
    """A run that was not made.

    Attributes:
        path: where it would lie.
        done: examples that are stored there already.
        examples: in all.
        variants: examples times strategies times pairs.
        prompt_tokens: of sources and targets, each once per strategy.
        token_forwards: how many times a token goes through the whole model, about.
        bytes: on disk, about; None where nothing was run.
        seconds: about; from one example of each task, scaled by prompts' lengths; likewise.
        payload: bytes of the largest job that was written down; None where it would run here.
        packing: how variants would share their work; elsewhere it is verified there.
        concerns: what of the strategies' own functions would not survive the trip.
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


def dry_bench(
    config: Config,
    output_path: Path,
    *,
    fresh: bool = False,
    across: bool = False,
    elsewhere: bool = False,
    say: Callable[[str], None] | None = None,
) -> DryRun:
    """:func:`dry_run` of a configuration; loads its model.

    Args:
        elsewhere: only what is needed to ask it elsewhere: nothing is run.
    """
    plan = make_plan(config, across=across, say=say)
    model = load_model(plan, Dry() if elsewhere else Local())
    return dry_run(fitted(plan, model, say), output_path, model, fresh=fresh)


def dry_run(plan: Plan, output_path: Path, model: Model, *, fresh: bool = False) -> DryRun:
    """Count a bench by one example of median length of each task, and time it if it runs here."""
    path, run = find_run(plan, output_path, fresh=fresh)
    manifest = manifest_of(plan, model) if run is None else run.manifest
    missing = set(manifest.parts()) if run is None else set(run.missing())
    left = [part for part in manifest.parts() if part in missing]
    total = sum(language.n for t in manifest.tasks.values() for language in t.languages.values())
    here = not model.backend.is_dry
    packing = packing_for(model).packing if here else likely_packing(model)
    variants, tokens, payload = 0, 0, 0
    forwards, size, seconds = 0.0, 0.0, 0.0
    works: list[Work] = []
    for name, task in plan.tasks.items():
        settings = ComputeSettings(
            packing, task.mode, plan.config.max_new_tokens, plan.config.chat_template,
            fixed_budget(model),
        )  # fmt: skip
        own = [part for part in left if part.task == name]
        if not own:
            continue
        lengths, per_language = dict[str, list[int]](), dict[str, list[Work]]()
        for lang, examples in task.examples.items():
            texts = [text for one in examples for text in (one.source, one.target)]
            counts = prompt_lengths(model, texts, chat_template=plan.config.chat_template)
            lengths[lang] = [a + b for a, b in zip(counts[::2], counts[1::2], strict=True)]
            per_language[lang] = [
                Work.of(model, s, strategy, manifest.pairs(s, name, lang))
                for s, strategy in plan.strategies.items()
            ]
            works += per_language[lang]
        lang, at = _median(lengths)
        tried = _tried if here else _estimated
        one = tried(model, task.examples[lang], at, per_language[lang], settings)
        payload = max(payload, one.payload)
        n_of_one = sum(len(work.pairs) for work in per_language[lang])
        for part in own:
            n = sum(len(work.pairs) for work in per_language[part.lang])
            length = sum(lengths[part.lang][part.start : part.stop])
            variants += n * (part.stop - part.start)
            tokens += length * len(plan.strategies)
            share = length / lengths[lang][at] * n / n_of_one
            seconds += one.seconds * share
            forwards += one.token_forwards * share
            size += one.bytes * (part.stop - part.start) * n / n_of_one
    return DryRun(
        path=path,
        done=total - sum(part.stop - part.start for part in left),
        examples=total,
        variants=variants,
        prompt_tokens=tokens,
        token_forwards=forwards,
        bytes=size if here else None,
        seconds=seconds if here else None,
        payload=None if here else payload,
        packing=str(packing),
        concerns=tuple(
            map(str, find_concerns(collect_functions(v for w in works for v in w.variants)))
        ),
    )


@dataclass(frozen=True)
class _One:
    """What one example of a task comes to."""

    token_forwards: float
    seconds: float = 0.0
    bytes: int = 0
    payload: int = 0


def _tried(
    model: Model, examples: Sequence[Example], at: int, works: list[Work], settings: ComputeSettings
) -> _One:
    span = range(at, at + 1)
    compute_records(model, examples, span, works, settings)  # once to warm up
    started = time.perf_counter()
    records, forwards = compute_records(model, examples, span, works, settings)
    seconds = time.perf_counter() - started
    file = io.BytesIO()
    pyarrow.parquet.write_table(records, file, compression="zstd")
    return _One(forwards, seconds, bytes=file.tell())


def _estimated(
    model: Model, examples: Sequence[Example], at: int, works: list[Work], settings: ComputeSettings
) -> _One:
    item = item_of(model, examples[at], chat_template=settings.chat_template)
    decoding = Decoding(settings.max_new_tokens) if settings.mode == "generate" else None
    found = [dry_run_grid(model, item, work.variants, decoding) for work in works]
    return _One(sum(one.token_forwards for one in found), payload=max(one.payload for one in found))


def _median(lengths: dict[str, list[int]]) -> tuple[str, int]:
    """Language and number of the example of median length."""
    ordered = sorted((n, lang, k) for lang, own in lengths.items() for k, n in enumerate(own))
    _, lang, k = ordered[len(ordered) // 2]
    return lang, k
