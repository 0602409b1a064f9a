"""Runs exported: which files are written, and what is not said in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.report.document import read_summaries
from xtransplant.report.export.inspect_log import write_inspect
from xtransplant.report.export.lm_eval import write_lm_eval
from xtransplant.report.export.systems import SystemTask, system_tasks
from xtransplant.report.summary import Summary
from xtransplant.runs.names import plain_name
from xtransplant.runs.store import open_run

__all__ = ["FORMATS", "Exported", "export_runs"]

FORMATS: dict[str, Callable[..., Iterator[Path]]] = {
    "lm-eval": write_lm_eval,
    "inspect": write_inspect,
}
"""By the tool's name, what writes a run for it."""


@dataclass(frozen=True)
class Exported:
    """What :func:`export_runs` made.

    Attributes:
        folders: one for each run.
        written: the files in them.
        notes: what they do not say, a line each.
    """

    folders: tuple[Path, ...]
    written: tuple[Path, ...]
    notes: tuple[str, ...]


def export_runs(paths: Sequence[str | Path], to: str, output: str | Path) -> Exported:
    """Write runs as another tool has them, each run into a folder of its own.

    Args:
        paths: folders of runs.
        to: of :data:`FORMATS`.
        output: a folder, made if it is missing; what it has of the same runs is replaced.

    Raises:
        XTransplantError: no such format, no run there, nothing stored in it, a damaged part, or a
            folder that cannot be written.
    """
    if to not in FORMATS:
        raise XTransplantError(f"--to {to!r}: there are {', '.join(FORMATS)}")
    folders: list[Path] = []
    written: list[Path] = []
    notes: list[str] = []
    for summary in read_summaries(paths):
        tasks = system_tasks(summary)
        samples = bool(summary.manifest.config.get("log_samples", True))
        folder = Path(output) / plain_name(summary.name)
        folders.append(folder)
        written += FORMATS[to](open_run(summary.path), summary, tasks, folder, samples=samples)
        notes += _notes(summary, tasks, samples)
    return Exported(tuple(folders), tuple(written), tuple(notes))


def _notes(summary: Summary, tasks: Sequence[SystemTask], samples: bool) -> Iterator[str]:
    if not samples:
        yield (
            f"{summary.name} was run with --no-log-samples: it has no samples to export, its "
            "numbers alone"
        )
    if summary.absent:
        yield (
            f"{summary.name} is not complete: {summary.missing} of {summary.n_parts} parts are "
            "missing"
        )
    for one in tasks:
        if one.others:
            shown = "; ".join(row.key for row in one.others)
            yield (
                f"{summary.name}, {one.task.name}: nobody's answers, so numbers in the metadata "
                f"alone: {shown}"
            )
