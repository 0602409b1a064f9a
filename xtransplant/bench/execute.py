"""Doing what is missing of a run: part by part, each stored before it is judged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from xtransplant.bench.clock import Clock
from xtransplant.bench.compute import Computed, ComputeSettings, Work, compute_records
from xtransplant.bench.context import RunContext
from xtransplant.bench.environment import check_versions
from xtransplant.bench.judge import judge
from xtransplant.bench.null_works import null_works
from xtransplant.bench.plan import Plan
from xtransplant.bench.schedule import do_broadcast_parts, do_concurrent_parts, do_parts_of_rank_0
from xtransplant.bench.steps import Steps
from xtransplant.engine.verify import packing_for
from xtransplant.model.distributed import rank
from xtransplant.model.model import Model
from xtransplant.packing import Packing
from xtransplant.runs.claims import claim
from xtransplant.runs.columns import CELL
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.manifest import Part
from xtransplant.runs.read import read_part
from xtransplant.runs.store import Run, open_run
from xtransplant.strategies.travel import check_travel

__all__ = ["execute"]


def execute(plan: Plan, run: Run, model: Model, context: RunContext) -> Run:
    """Compute, store and judge the parts of a run that are missing; give the run as it is then.

    Raises:
        XTransplantError: other software than it was begun with, too little memory, or a disk that
            cannot be written. What was stored stays.
    """
    parts = _parts(run, context.shard)
    stored = "records" if plan.config.log_samples else ""
    if not all((stored and run.has(stored, part)) or run.is_complete(part) for part in parts):
        run = check_versions(run, run.versions, accepted=context.accept_versions)
    # Verified first, for the ids of its own jobs are not to be kept.
    context.doing("verifying that packed variants give what single ones do")
    packing = packing_for(model).packing
    # Work that a client leaves behind when it dies is collected by the next.
    model = replace(model, backend=model.backend.remembering(run.jobs_path))
    job = _Job(plan, run, model, packing)
    if any(strategy.is_fitted for strategy in plan.strategies.values()):
        # A language that a fit has not is found before anything is computed.
        for part in {(part.task, part.lang): part for part in parts}.values():
            job.works_of(part)
    clock = Clock.of(plan, run, parts)

    def do(part: Part) -> None:
        _store(job, part, Steps(lambda at, done: context.step(clock.within(part, at, done))))
        clock.done(part)
        context.watch(clock.progress(part))

    if rank() and model.world_size > 1:
        # This process holds a share of the model: it computes what the first one is at.
        do_parts_of_rank_0(lambda part: _compute(job, part))
        return open_run(run.path)
    with claim(run, parts) as claims:
        if model.world_size > 1:
            do_broadcast_parts(claims, do, lambda part: bool(stored) and run.has(stored, part))
        else:
            do_concurrent_parts(claims, do, model.backend)
    return run.finish()


def _parts(run: Run, shard: tuple[int, int] | None) -> list[Part]:
    """All parts of a run, or those of a shard: every n-th from the k-th."""
    parts = list(run.manifest.parts())
    if shard is None:
        return parts
    number, count = shard
    return parts[number - 1 :: count]


_Key = tuple[str, tuple[str, str], tuple[tuple[int, int], ...]]


@dataclass(frozen=True)
class _Job:
    """What every part of a run is computed with.

    Attributes:
        packing: the one that is exact on the model.
        works: recorded edits by strategy, languages (where it depends on them) and layer pairs.
    """

    plan: Plan
    run: Run
    model: Model
    packing: Packing
    works: dict[_Key, Work] = field(default_factory=dict)

    def settings(self, task: str) -> ComputeSettings:
        """How a task's parts are computed, in whichever process."""
        config, entry = self.plan.config, self.run.manifest.tasks[task]
        return ComputeSettings(
            packing=self.packing,
            mode=self.plan.tasks[task].mode,
            max_new_tokens=config.max_new_tokens,
            chat_template=config.chat_template,
            memory_budget=self.run.manifest.model["memory_budget"],
            batch_size=self.run.manifest.model.get("batch_size"),
            only=config.only,
            # The task's own, in every part, though the run is judged by another by now.
            rule=entry.task_rule or entry.rule,
            # A run from before there were bounds has no column to mark them in.
            exact_scores=config.exact_scores or "exact_scores" not in self.run.manifest.config,
        )

    def works_of(self, part: Part) -> list[Work]:
        """A part's strategies at its language's pairs, their nulls, and its task's baselines."""
        found, task = [], self.plan.tasks[part.task]
        for name, strategy in self.plan.strategies.items():
            pairs = tuple(self.run.manifest.pairs(name, part.task, part.lang))
            example = task.examples[part.lang][0]
            langs = ("", "")
            if strategy.is_fitted:
                langs = example.source_lang, example.target_lang
            key = name, langs, pairs
            if key not in self.works:
                work = self.works[key] = Work.of(self.model, name, strategy, pairs, example)
                if self.model.backend.travels:
                    check_travel(work.variants)
            found.append(self.works[key])
        found += null_works(self.plan.nulls, found, task.examples[part.lang])
        return found + [Work.of_baseline(one, part.lang) for one in task.baselines]


def _compute(job: _Job, part: Part, steps: Steps | None = None) -> Computed:
    """The records of a part, and what they took."""
    examples = job.plan.tasks[part.task].examples[part.lang]
    settings, works = job.settings(part.task), job.works_of(part)
    span = range(part.start, part.stop)
    return compute_records(job.model, examples, span, works, settings, steps)


def _store(job: _Job, part: Part, steps: Steps) -> None:
    """Compute a part, unless its records are stored; judge it, and store that."""
    run = job.run
    examples = job.plan.tasks[part.task].examples[part.lang]
    rule = run.manifest.tasks[part.task].rule
    table = examples_table(examples, part.start, part.stop)
    if job.plan.config.log_samples:
        run.write("examples", part, table)
        if not run.has("records", part):
            records, took = _compute(job, part, steps)
            run.forget(part, "correct")  # it was of records that are lost
            run.write("records", part, records, took=took)
        run.write("correct", part, judge(read_part(run, "records", part), table, rule))
        return
    # Nothing is kept that could be judged later, so the judgement has to be there first.
    records, took = _compute(job, part, steps)
    run.write("examples", part, table.select(["example", "id", "digest"]))
    run.write("correct", part, judge(records, table, rule))
    run.write("records", part, records.select(list(CELL)), took=took)
