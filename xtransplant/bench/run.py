"""Running a bench from wherever it was left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from xtransplant.backends.registry import open_backend
from xtransplant.bench.config import Config
from xtransplant.bench.context import RunContext
from xtransplant.bench.context_limit import leave_out_too_long
from xtransplant.bench.execute import execute
from xtransplant.bench.load import load_model
from xtransplant.bench.model_identity import check_folder
from xtransplant.bench.new_manifest import pair_notes
from xtransplant.bench.opening import find_run, open_for_writing
from xtransplant.bench.pairs import Chosen
from xtransplant.bench.plan import make_plan
from xtransplant.bench.repair import repair
from xtransplant.bench.workers import execute_by_workers
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.runs.store import Run, open_run

__all__ = ["bench"]


def bench(
    config: Config,
    context: RunContext = RunContext(),
    *,
    across: bool = False,
    chosen: Chosen | None = None,
    model: Model | None = None,
) -> Run:
    """Run a bench, or what is left of it, and give the run.

    The same configuration finds its run again by its content; a complete one is not run again.
    What of it is damaged is named and done again.

    Args:
        config: every setting of the bench.
        context: where and how the run is opened.
        across: choose one pair for all languages; see :func:`make_plan`.
        chosen: pairs that were chosen before; see :func:`make_plan`.
        model: loaded already, and the one that is meant where the configuration names none; else
            the configuration's is loaded where the backend has it run, if there is anything to do.

    Raises:
        XTransplantError: anything wrong with the configuration, data, model or disk. What was
            stored stays, and the same call goes on from there.
    """
    if model is not None and config.model.name is None:
        config = replace(config, model=replace(config.model, name=model.name))
    by_workers = context.backend.has_workers and model is None
    if by_workers:
        context = _check_workers(context)
    plan = make_plan(config, across=across, chosen=chosen, say=context.say)
    path, run = find_run(plan, context.output_path, fresh=context.fresh)
    if run is not None:
        if not repair(run, context.say):
            check_folder(plan.model_name, run.manifest.model, path.name, config.model.gguf_file)
            return run.finish()
        _say_batches(config, run, context)
    with _saying_what_is_kept(path, context):
        if by_workers:
            return execute_by_workers(plan, path, context)
        if model is None:
            backend = open_backend(context.backend, say=context.note)
            model = load_model(plan.model_name, config.model, backend, context.doing)
        plan = leave_out_too_long(plan, model, context.say)
        for line in pair_notes(plan, model):
            context.say(line)
        return execute(plan, open_for_writing(plan, path, model), model, context)


@contextmanager
def _saying_what_is_kept(path: Path, context: RunContext) -> Iterator[None]:
    """Where it is interrupted, say in a line what of the run is stored and what goes on."""
    try:
        yield
    except BaseException as error:
        # Libraries may have made an error of their own of it.
        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, KeyboardInterrupt):
            seen = seen.__cause__ or seen.__context__
        if seen is not None:
            context.say(_kept(path))
        raise


def _kept(path: Path) -> str:
    if not (path / "manifest.json").exists():
        return "nothing is stored yet; the same command begins again"
    run = open_run(path)
    sizes = {part: part.stop - part.start for part in run.manifest.parts()}
    missing = sum(sizes[part] for part in run.missing())
    total = sum(sizes.values())
    return (
        f"{total - missing} of {total} examples are stored in {path}, and the same command goes on "
        f"from there; of what was under way at most {max(sizes.values(), default=0)} examples are "
        "lost"
    )


def _check_workers(context: RunContext) -> RunContext:
    """The context with a path that every worker finds, wherever it is started.

    Raises:
        XTransplantError: a shard of a run that workers share, or no workers to be had.
    """
    if context.shard is not None:
        raise XTransplantError(
            f"--shard and --on {context.backend} both split the work; leave one out"
        )
    context.backend.check()
    return replace(context, output_path=context.output_path.resolve())


def _say_batches(config: Config, run: Run, context: RunContext) -> None:
    """Say that a run goes on with the batches it was begun with: records depend on them."""
    begun = run.manifest.model
    limit, most = begun["memory_budget"], begun.get("batch_size")
    if config.memory_budget not in (None, limit):
        context.say(
            f"run {run.path.name} was begun with a memory budget of {limit:,} bytes and goes on "
            "with it; --fresh begins anew with another"
        )
    if config.batch_size not in (None, most):
        was = "no batch size" if most is None else f"a batch size of {most}"
        context.say(f"run {run.path.name} was begun with {was} and goes on so; --fresh begins anew")
