"""The run of a plan: found again by its content, begun, or gone on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xtransplant.bench.environment import adopt_parts, versions
from xtransplant.bench.model_identity import check_model, model_entry
from xtransplant.bench.new_manifest import new_manifest
from xtransplant.bench.plan import Plan
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.runs.store import Run, create_run, open_run

__all__ = ["find_run", "open_for_writing"]


def find_run(plan: Plan, output_path: Path, *, fresh: bool = False) -> tuple[Path, Run | None]:
    """Where a plan's run lies or will lie, and the run if there is one.

    Args:
        plan: what is to be run.
        output_path: the folder of runs.
        fresh: a folder of its own for a new run, though there is one.

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


def open_for_writing(plan: Plan, path: Path, model: Model) -> Run:
    """The run in a folder, to be written with this model and this software; begun if there is none.

    Raises:
        XTransplantError: another model than it was begun with, or a folder that cannot be written.
    """
    if (path / "manifest.json").exists():
        run = open_run(path)
        spec = plan.config.model
        now = model_entry(model, plan.model_name, spec.revision, spec.gguf_file)
        check_model(now, run.manifest.model, path.name)
    else:
        manifest = adopt_parts(path, new_manifest(plan, model))
        run = create_run(path, manifest)
        if run.manifest.identity != manifest.identity:  # another process was quicker
            check_model(manifest.model, run.manifest.model, path.name)
    return replace(run, versions=versions())
