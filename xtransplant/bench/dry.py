"""What a bench would come to: counted exactly, timed on one example of each language."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet

from xtransplant.bench.compute import Asked, Work, ask, fixed_budget
from xtransplant.bench.config import Config
from xtransplant.bench.fit import fitted
from xtransplant.bench.plan import Plan, make_plan
from xtransplant.bench.run import find_run, load_model, manifest_of
from xtransplant.engine.verify import packing_for
from xtransplant.model.load import Model

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
        bytes: on disk, about.
        seconds: about; from one example of each task, scaled by prompts' lengths.
        packing: how variants would share their work.
    """

    path: Path
    done: int
    examples: int
    variants: int
    prompt_tokens: int
    token_forwards: float
    bytes: float
    seconds: float
    packing: str


def dry_bench(
    config: Config,
    output_path: Path,
    *,
    fresh: bool = False,
    across: bool = False,
    say: Callable[[str], None] | None = None,
) -> DryRun:
    """:func:`dry_run` of a configuration; loads its model."""
    plan = make_plan(config, across=across, say=say)
    model = load_model(plan)
    return dry_run(fitted(plan, model, say), output_path, model, fresh=fresh)


def dry_run(plan: Plan, output_path: Path, model: Model, *, fresh: bool = False) -> DryRun:
    """Count a bench, and time one example of median length of each task."""
    path, run = find_run(plan, output_path, fresh=fresh)
    manifest = manifest_of(plan, model) if run is None else run.manifest
    missing = set(manifest.parts()) if run is None else set(run.missing())
    left = [part for part in manifest.parts() if part in missing]
    total = sum(language.n for t in manifest.tasks.values() for language in t.languages.values())
    variants, tokens = 0, 0
    forwards, size, seconds = 0.0, 0.0, 0.0
    for name, task in plan.tasks.items():
        asked = Asked(
            packing_for(model).packing,
            task.mode,
            plan.config.max_new_tokens,
            plan.config.chat_template,
            fixed_budget(model),
        )
        own = [part for part in left if part.task == name]
        if not own:
            continue
        lengths, per_language = dict[str, list[int]](), dict[str, list[Work]]()
        for lang, examples in task.examples.items():
            texts = [text for one in examples for text in (one.source, one.target)]
            counts = [len(ids) for ids in model.tokenizer(texts)["input_ids"]]
            lengths[lang] = [a + b for a, b in zip(counts[::2], counts[1::2], strict=True)]
            works = [
                Work.of(model, s, strategy, manifest.pairs(s, name, lang))
                for s, strategy in plan.strategies.items()
            ]
            per_language[lang] = works
        lang, at = _median(lengths)
        examples = task.examples[lang]
        ask(model, examples, at, at + 1, per_language[lang], asked)  # once to warm up
        started = time.perf_counter()
        records, forwards_of_one = ask(model, examples, at, at + 1, per_language[lang], asked)
        taken = time.perf_counter() - started
        file = io.BytesIO()
        pyarrow.parquet.write_table(records, file, compression="zstd")
        n_of_one = sum(len(work.pairs) for work in per_language[lang])
        for part in own:
            n = sum(len(work.pairs) for work in per_language[part.lang])
            here = sum(lengths[part.lang][part.start : part.stop])
            variants += n * (part.stop - part.start)
            tokens += here * len(plan.strategies)
            share = here / lengths[lang][at] * n / n_of_one
            seconds += taken * share
            forwards += forwards_of_one * share
            size += file.tell() * (part.stop - part.start) * n / n_of_one
    return DryRun(
        path=path,
        done=total - sum(part.stop - part.start for part in left),
        examples=total,
        variants=variants,
        prompt_tokens=tokens,
        token_forwards=forwards,
        bytes=size,
        seconds=seconds,
        packing=str(packing_for(model).packing),
    )


def _median(lengths: dict[str, list[int]]) -> tuple[str, int]:
    """Language and number of the example of median length."""
    ordered = sorted((n, lang, k) for lang, own in lengths.items() for k, n in enumerate(own))
    _, lang, k = ordered[len(ordered) // 2]
    return lang, k
