"""The records of some examples: what the model gives under every strategy at every pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa

from xtransplant.bench.environment import place_of
from xtransplant.bench.flags import Only
from xtransplant.bench.judge import judge
from xtransplant.bench.steps import Steps
from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import Variants, record_variants
from xtransplant.engine.generate import generate_items
from xtransplant.engine.outcome import Generations, Scores
from xtransplant.engine.score import score_items
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.distributed import broadcast
from xtransplant.model.model import Model
from xtransplant.packing import Packing
from xtransplant.prompts import Example, item_digest
from xtransplant.runs.checksums import Took
from xtransplant.runs.columns import SOURCE, VANILLA, Mode
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.measured import Measured, Which
from xtransplant.runs.rows import Rows
from xtransplant.strategies import Strategy, Variant, split_scripts
from xtransplant.strategies.noise import with_noise
from xtransplant.tasks.baselines import Baseline

__all__ = ["ComputeSettings", "Computed", "Work", "compute_records"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Work:
    """One strategy at its pairs, a null grid of it, or one baseline.

    Attributes:
        name: the strategy's, with its options; the null grid's, or the baseline's.
        variants: the strategy at each of the pairs; none of a baseline.
        prompt: of a baseline: an example with another target; of a null grid: with another source.
        group: works in a row that agree in it are run in the same passes: those of one strategy
            whose options differ, and that reach for the same tokens; None for no others.
        baseline: it is one.
        noise_of: of a null grid of noise, the strategy: each example has variants of its own.
    """

    name: str
    pairs: tuple[Pair, ...]
    variants: tuple[Variant, ...]
    prompt: Callable[[Example], Example] | None = None
    group: Hashable = None
    baseline: bool = False
    noise_of: str = ""

    @classmethod
    def of(
        cls,
        model: Model,
        name: str,
        strategy: Strategy,
        pairs: Sequence[Pair],
        example: Example,
    ) -> Work:
        """Record a strategy's edits at some pairs, for examples in the languages of this one."""
        bound = strategy.for_languages(example.source_lang, example.target_lang)
        variants = tuple(record_variants(model, bound, pairs))
        recorded, scripts = split_scripts(variants)
        # A variant that edits early tokens would have all others branch off there.
        spans = None if scripts else frozenset(Variants.of(recorded).spans)
        group = None if spans is None else (strategy.family, strategy.source_hash, spans)
        return cls(name, tuple(pairs), variants, group=group)

    @classmethod
    def of_baseline(cls, baseline: Baseline, lang: str) -> Work:
        """A baseline in one language; no activation is moved."""
        return cls(baseline.name, (), (), partial(baseline.example, lang=lang), baseline=True)

    @property
    def n_rows(self) -> int:
        """How many records it makes of an example."""
        return 1 if self.baseline else len(self.pairs)


@dataclass(frozen=True)
class ComputeSettings:
    """How the records of a task are computed.

    Attributes:
        packing: the one that was verified to be exact for the model.
        mode: of the task.
        max_new_tokens: of each text generated.
        chat_template: prompts go through the checkpoint's chat template.
        only: of which examples the grids are run; of the others the two prompts alone.
        rule: the task's matching rule, which tells them where texts are generated.
        memory_budget: bytes; the same for every part of a run, so that examples are batched
            alike whenever and wherever it goes on.
        batch_size: at most so many examples at once, likewise.
        exact_scores: as in :class:`xtransplant.engine.ask.items.Item`.
    """

    packing: Packing
    mode: Mode
    max_new_tokens: int
    chat_template: bool
    memory_budget: int
    batch_size: int | None = None
    only: Only = "all"
    rule: str = ""
    exact_scores: bool = False


class Computed(NamedTuple):
    """A table ``records``, and what it took.

    By the strategy of the records; works in one pass share it by their variants, and the prompts
    without a transplant are part of the first work's, unless they ran alone (``vanilla``).
    """

    records: pa.Table
    took: Took

    @property
    def token_forwards(self) -> float:
        """How many times a token went through the whole model."""
        return math.fsum(self.took.token_forwards.values())


def compute_records(
    model: Model,
    examples: Sequence[Example],
    span: range,
    works: Sequence[Work],
    settings: ComputeSettings,
    steps: Steps | None = None,
) -> Computed:
    """Records of some examples under every strategy; they do not depend on which ran before.

    Args:
        model: a loaded model.
        examples: all of the language.
        span: the numbers of those to compute, consecutive.
        works: strategies and their variants, null grids, and baselines.
        settings: how it is computed.
        steps: told which example is worked on.

    Raises:
        XTransplantError: an unusable prompt or candidate, or too little memory for one variant.
    """
    as_item = partial(
        item_of, model, chat_template=settings.chat_template, exact_scores=settings.exact_scores
    )
    items = [as_item(examples[k]) for k in span]
    memory = MemoryBudget.of(model, settings.memory_budget, settings.batch_size)
    run = partial(_found, model, settings=settings, memory=memory, sources=Sources())
    rows, numbers = Rows(settings.mode), list(span)
    took = Took(machine=place_of(model))
    # The prompts without a transplant are in the first strategy's run, if it runs all examples.
    alone, steps = settings.only != "all" or works[0].baseline, steps or Steps()
    steps.total = len(items) * (alone + sum(1 + len(own) for own in _variants(works)))
    if alone:
        found = steps.over(VANILLA, 0, len(items), run(items, [()], source_text=True))
        _add_prompts(rows, numbers, found)
        _count(took, {VANILLA: 1}, found)
    if settings.only != "all":
        numbers = _chosen(model, rows, examples, span, settings)
        items = [items[k - span.start] for k in numbers]
    for number, group in enumerate(_grouped(works) if items else ()):
        first = number == 0 and not alone
        own, which = items, _VARIANTS
        variants: Sequence[Variant] = _variants(group)[0]
        if group[0].prompt is not None:
            own = [as_item(group[0].prompt(examples[k])) for k in numbers]
        if group[0].baseline:
            variants, which = ((),), _BASELINE
        if group[0].noise_of:
            each = _found_with_noise(run, group, [examples[k] for k in numbers], own)
        else:
            each = run(own, variants, source_text=first)
        found = steps.over(group[0].name, len(variants), len(own), each)
        if first:
            _add_prompts(rows, numbers, found)
        for work, start in zip(group, _starts(group), strict=True):
            for k, one in zip(numbers, found, strict=True):
                part = one if len(group) == 1 else one.part(start, start + len(work.variants))
                rows.add_measured(k, work.name, work.pairs, _measured(part, which))
        _count(took, {work.name: len(work.variants) or 1 for work in group}, found)
    return Computed(rows.table(), took)


def _grouped(works: Sequence[Work]) -> list[list[Work]]:
    """Works in a row that run in the same passes."""
    found: list[list[Work]] = []
    for work in works:
        if work.group is not None and found and found[-1][0].group == work.group:
            found[-1].append(work)
        else:
            found.append([work])
    return found


def _variants(works: Sequence[Work]) -> list[list[Variant]]:
    """The variants of each group."""
    return [[one for work in group for one in work.variants] for group in _grouped(works)]


def _found_with_noise(
    run: Callable[..., Any], works: Sequence[Work], examples: Sequence[Example], items: list[Item]
) -> Iterator[Any]:
    """Null grids of noise, example by example: no two have a variant in common."""
    for example, item in zip(examples, items, strict=True):
        variants = [
            with_noise(edits, f"{item_digest(example)} {work.noise_of} {pair}")
            for work in works
            for pair, edits in zip(work.pairs, split_scripts(work.variants)[0], strict=True)
        ]
        yield from run([item], variants, source_text=False)


def _count(
    took: Took, n_variants: Mapping[str, int], found: Sequence[Scores | Generations]
) -> None:
    """Add what passes took to the works in them, in proportion to their variants."""
    every = sum(n_variants.values())
    for name, own in n_variants.items():
        share = own / every
        took.token_forwards[name] = share * math.fsum(one.token_forwards for one in found)
        took.source_tokens[name] = share * math.fsum(one.source_tokens for one in found)
        took.seconds[name] = share * math.fsum(one.seconds for one in found)


def _starts(group: Sequence[Work]) -> list[int]:
    """Where each work's variants begin among those of its group."""
    return [0, *accumulate(len(work.variants) for work in group)][:-1]


def _add_prompts(rows: Rows, numbers: Sequence[int], found: Sequence[Scores | Generations]) -> None:
    for name, which in _PROMPTS.items():
        for k, one in zip(numbers, found, strict=True):
            rows.add_measured(k, name, (), _measured(one, which))


def _chosen(
    model: Model, rows: Rows, examples: Sequence[Example], span: range, settings: ComputeSettings
) -> list[int]:
    """The numbers of the examples whose grids are run, by the records of their two prompts."""
    table = examples_table(examples, span.start, span.stop)
    records = rows.table()
    sets = judge(records, table, settings.rule)["set_match"].to_pylist()
    numbers = records["example"].to_pylist()
    found = {k for k, which in zip(numbers, sets, strict=True) if which == settings.only}
    chosen = sorted(found)
    if model.world_size > 1:
        # Every process has to run the same examples, to whatever bit it computed their prompts.
        chosen = broadcast(chosen)
    return chosen


_PROMPTS: dict[str, Which] = {VANILLA: "target", SOURCE: "source"}
_VARIANTS: Which = "variants"
_BASELINE: Which = "baseline"


def _found(
    model: Model,
    items: Sequence[Item],
    variants: Sequence[Variant],
    settings: ComputeSettings,
    memory: MemoryBudget,
    sources: Sources,
    *,
    source_text: bool,
) -> Iterator[Scores | Generations]:
    if settings.mode == "score":
        return score_items(
            model, items, variants, packing=settings.packing, top_k=1, memory=memory,
            sources=sources,
        )  # fmt: skip
    decoding = Decoding(settings.max_new_tokens, source_text=source_text)
    return generate_items(
        model, items, variants, packing=settings.packing, memory=memory, sources=sources,
        decoding=decoding,
    )  # fmt: skip


def _measured(found: Scores | Generations, which: Which) -> Measured:
    if isinstance(found, Scores):
        return Measured.of_scores(found, which)
    return Measured.of_generations(found, which)
