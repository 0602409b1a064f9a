"""Running a bench: part by part, stored before it is judged, from wherever it was left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xtransplant.backends.local import Local
from xtransplant.backends.protocol import Backend
from xtransplant.bench.clock import Clock, Watch
from xtransplant.bench.compute import (
    ComputeSettings,
    Work,
    compute_records,
    fixed_budget,
    part_size,
)
from xtransplant.bench.config import Config
from xtransplant.bench.context_limit import fitted
from xtransplant.bench.identity import (
    check_folder,
    check_model,
    machine_entry,
    model_entry,
    versions,
)
from xtransplant.bench.judge import judge
from xtransplant.bench.load import load_model as load_named
from xtransplant.bench.pairs import Pairs
from xtransplant.bench.plan import Plan, make_plan
from xtransplant.bench.repair import mend
from xtransplant.bench.schedule import do_broadcast_parts, do_concurrent_parts, do_parts_of_rank_0
from xtransplant.bench.software import adopting, check_software
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.verify import packing_for
from xtransplant.errors import XTransplantError
from xtransplant.model.distributed import rank
from xtransplant.model.load import Model
from xtransplant.runs.claims import claim
from xtransplant.runs.columns import CELL
from xtransplant.runs.examples_table import examples_table
from xtransplant.runs.manifest import SCHEMA, Language, Manifest, Part, TaskEntry
from xtransplant.runs.read import read_part
from xtransplant.runs.store import Run, create_run, open_run
from xtransplant.strategies.travel import check_travel
from xtransplant.tasks.load import examples_digest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["bench", "find_run", "load_model", "manifest_of", "run_plan"]


def bench(
    config: Config,
    output_path: str | Path = "runs",
    *,
    model: Model | None = None,
    backend: Backend = Local(),
    fresh: bool = False,
    shard: tuple[int, int] | None = None,
    across: bool = False,
    pairs: Pairs | None = None,
    accept_versions: bool = False,
    say: Callable[[str], None] | None = None,
    watch: Watch | None = None,
) -> Run:
    """Run a bench, or what is left of it, and give the run.

    The same configuration finds its run again by its content; a complete one is not run again.
    What of it is damaged is said and done again.

    Args:
        output_path: the folder of runs.
        model: loaded already; else the configuration's is loaded, if there is anything to do.
        backend: where its traces run.
        fresh: begin a new run, in a folder of its own, though there is one.
        shard: (k, n): only every n-th part, from the k-th.
        across, pairs, say: see :func:`make_plan`.
        accept_versions: let the model go on under other versions of software than it began with.
        watch: told after every part how far it is.

    Raises:
        XTransplantError: anything wrong with the configuration, data, model or disk. What was
            stored stays, and the same call goes on from there.
    """
    plan = make_plan(config, across=across, pairs=pairs, say=say)
    path, run = find_run(plan, Path(output_path), fresh=fresh)
    if run is not None and not mend(run, say):
        check_folder(plan.model_name, run.manifest.model, path.name)
        return run.finish()
    if run is not None and say is not None:
        _say_budget(config.memory_budget, run, say)
    loaded = load_model(plan, backend) if model is None else model
    return run_plan(
        fitted(plan, loaded, say), path, loaded, shard=shard, accept_versions=accept_versions,
        watch=watch,
    )  # fmt: skip


def _say_budget(asked: int | None, run: Run, say: Callable[[str], None]) -> None:
    """That a run goes on as it was begun, so that its bytes do not depend on where it stopped."""
    begun = run.manifest.model["memory_budget"]
    if asked is not None and asked != begun:
        say(
            f"run {run.path.name} was begun with a memory budget of {begun:,} bytes and goes on "
            "with it; --fresh begins anew with another"
        )


def load_model(plan: Plan, backend: Backend = Local()) -> Model:
    """The model of a plan; only what is needed to ask it where that is not in this process."""
    return load_named(plan.model_name, plan.config.model, backend)


def find_run(plan: Plan, output_path: Path, *, fresh: bool = False) -> tuple[Path, Run | None]:
    """Where a plan's run lies or will lie, and the run if there is one.

    Raises:
        XTransplantError: a manifest there that is damaged, or another run's.
    """
    path = output_path / plan.folder
    if fresh:
        number = 2
        while path.exists():
            path = output_path / f"{plan.folder}.{number}"
            number += 1
        return path, None
    if not (path / "manifest.json").exists():
        return path, None
    run = open_run(path)
    if run.manifest.id != plan.id:
        raise XTransplantError(
            f"the manifest in {str(path)!r} is another run's ({run.manifest.id[:10]}); take it "
            "away and run this command again, which writes it anew, or begin beside it with --fresh"
        )
    return path, run


def run_plan(
    plan: Plan,
    path: Path,
    model: Model,
    *,
    shard: tuple[int, int] | None = None,
    accept_versions: bool = False,
    watch: Watch | None = None,
) -> Run:
    """Do what is missing of a plan's run.

    Raises:
        XTransplantError: another model or other software than it was begun with.
    """
    if (path / "manifest.json").exists():
        run = open_run(path)
        spec = plan.config.model
        check_model(
            model_entry(model, plan.model_name, spec.revision), run.manifest.model, path.name
        )
    else:
        manifest = adopting(path, manifest_of(plan, model))
        run = create_run(path, manifest)
        if run.manifest.identity != manifest.identity:  # another process was quicker
            check_model(manifest.model, run.manifest.model, path.name)
    run = replace(run, versions=versions())
    parts = list(run.manifest.parts())
    if shard is not None:
        number, count = shard
        parts = parts[number - 1 :: count]
    log_samples = plan.config.log_samples
    if not all(
        (log_samples and run.has("records", part)) or run.is_complete(part) for part in parts
    ):
        run = check_software(run, run.versions, accepted=accept_versions)
    packing = packing_for(model).packing
    # Jobs that a client leaves behind when it dies are collected by the next.
    model = replace(model, backend=model.backend.remembering(run.jobs_path))
    settings = {
        name: ComputeSettings(
            packing=packing,
            mode=task.mode,
            max_new_tokens=plan.config.max_new_tokens,
            chat_template=plan.config.chat_template,
            memory_budget=run.manifest.model["memory_budget"],
        )
        for name, task in plan.tasks.items()
    }
    known: dict[_Key, Work] = {}
    clock = Clock.of(plan, run, parts)

    def do(part: Part) -> None:
        work = _work_of(plan, run, model, part, known)
        _do(plan, run, model, part, work, settings[part.task])
        clock.done(part)
        if watch is not None:
            watch(clock.progress(part))

    def along(part: Part) -> None:
        work = _work_of(plan, run, model, part, known)
        _compute(plan, model, part, work, settings[part.task])

    if rank() and model.world_size > 1:
        # This process holds a share of the model: it computes what the first one is at.
        do_parts_of_rank_0(along)
        return open_run(path)
    with claim(run, parts) as claims:
        if model.world_size > 1:
            do_broadcast_parts(claims, do, lambda part: log_samples and run.has("records", part))
        else:
            do_concurrent_parts(claims, do, model.backend)
    return run.finish()


def _do(
    plan: Plan, run: Run, model: Model, part: Part, work: list[Work], settings: ComputeSettings
) -> None:
    examples = plan.tasks[part.task].examples[part.lang]
    rule = run.manifest.tasks[part.task].rule
    table = examples_table(examples, part.start, part.stop)
    if plan.config.log_samples:
        run.write("examples", part, table)
        if not run.has("records", part):
            records = _compute(plan, model, part, work, settings)
            run.forget(part, "correct")  # it was of records that are lost
            run.write("records", part, records)
        run.write("correct", part, judge(read_part(run, "records", part), table, rule))
        return
    # Nothing is kept that could be judged later, so the judgement has to be there first.
    records = _compute(plan, model, part, work, settings)
    run.write("examples", part, table.select(["example", "id", "digest"]))
    run.write("correct", part, judge(records, table, rule))
    run.write("records", part, records.select(list(CELL)))


def _compute(
    plan: Plan, model: Model, part: Part, work: list[Work], settings: ComputeSettings
) -> pa.Table:
    examples = plan.tasks[part.task].examples[part.lang]
    span = range(part.start, part.stop)
    return compute_records(model, examples, span, work, settings).records


_Key = tuple[str, tuple[tuple[int, int], ...]]


def _work_of(plan: Plan, run: Run, model: Model, part: Part, known: dict[_Key, Work]) -> list[Work]:
    """A part's strategies at its language's pairs; edits are recorded once for each."""
    found = []
    for name, strategy in plan.strategies.items():
        pairs = tuple(run.manifest.pairs(name, part.task, part.lang))
        if (name, pairs) not in known:
            work = known[name, pairs] = Work.of(model, name, strategy, pairs)
            if model.backend.travels:
                check_travel(work.variants)
        found.append(known[name, pairs])
    return found


def manifest_of(plan: Plan, model: Model) -> Manifest:
    """What a new run of a plan says of itself."""
    n_layers = model.n_layers
    shared = isinstance(plan.pairs, str)
    tasks = {}
    for name, task in plan.tasks.items():
        languages, most = {}, 1
        for lang, examples in task.examples.items():
            by_strategy = {s: plan.pairs_for(name, s, lang, n_layers) for s in plan.strategies}
            most = max(most, max(map(len, by_strategy.values())))
            own = {} if shared else {s: [list(p) for p in ps] for s, ps in by_strategy.items()}
            seen = 0 if isinstance(plan.pairs, str) else plan.pairs.in_sample(examples)
            languages[lang] = Language(len(examples), examples_digest(examples), own, seen)
        tasks[name] = TaskEntry(
            version=task.task.version,
            licence=task.task.licence,
            direction=task.direction,
            split=task.split,
            mode=task.mode,
            rule=task.task.rule,
            part_size=part_size(task.mode, most),
            languages=languages,
            left_out=task.left_out,
            too_long=task.too_long,
        )
    spec, budget = plan.config.model, plan.config.memory_budget
    entry = model_entry(model, plan.model_name, spec.revision)
    # Said before there is a run that would keep to it.
    entry["memory_budget"] = (
        fixed_budget(model) if budget is None else MemoryBudget.of(model, budget).limit
    )
    return Manifest(
        id=plan.id,
        schema=SCHEMA,
        config=plan.config.as_dict(),
        model=entry,
        strategies={
            name: {
                "source_hash": strategy.source_hash,
                "origin": strategy.origin,
                "options": dict(strategy.values),
                "pairs": [
                    list(pair)
                    for pair in (plan.pairs_for("", name, "", n_layers) if shared else ())
                ],
            }
            for name, strategy in plan.strategies.items()
        },
        tasks=tasks,
        versions=versions(),
        machine=machine_entry(),
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
