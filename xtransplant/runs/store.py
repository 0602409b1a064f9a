"""A run's folder, written part by part, each table atomically, by any number of processes.

    manifest.json
    examples/task=T/lang=L/part-00000.parquet   the prompts and what makes an answer right
    records/ ...                                one row per example and variant: what was measured
    correct/ ...                                the same rows: what was judged
    checksums/task=T/lang=L/part-00000.json     of these three, and what they were computed by
    jobs                                        ids of a server's jobs, until the run is complete

A part is complete when its checksums name all three tables, the sizes agree, and it was judged by
the run's rule; its records were stored before they were judged.

All parts of a run have the same columns: those that its first one was stored with. A run that an
older xtransplant began is finished with its own columns, so that no part of it says more than
another; what it lacks reads as null. Only judging it again (``xtp rescore``), which rewrites every
part, adds the judged columns that are new.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xtransplant.errors import cannot_write
from xtransplant.files import stale_files, write_atomically
from xtransplant.runs.checksums import KINDS, Sums, Took, Unreadable, read_sums, write_sums
from xtransplant.runs.locks import LOCKS, lock_manifest
from xtransplant.runs.manifest import Manifest, Part, task_folder
from xtransplant.runs.read_manifest import read_manifest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "Run", "create_run", "open_run"]


@dataclass(frozen=True)
class Run:
    """A run on disk.

    Attributes:
        versions: of the software that computes what is written; the manifest's if empty.
    """

    path: Path
    manifest: Manifest
    versions: dict[str, str] = field(default_factory=dict)
    # By kind and task; looked up once, as the first part is written.
    _columns: dict[tuple[str, str], list[str] | None] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __repr__(self) -> str:
        own = self.manifest
        parts = [own.model["name"], ", ".join(own.tasks), ", ".join(own.strategies), own.state]
        return f"run {str(self.path)!r}: {'; '.join(repr(one)[1:-1] for one in parts)}"

    def part_path(self, kind: str, part: Part) -> Path:
        """The file of a part's table: kind is one of :data:`KINDS`."""
        return self.path / kind / part.name

    def sums_path(self, part: Part) -> Path:
        """The file of a part's checksums."""
        return Path(self._sums_path(part))

    def _sums_path(self, part: Part) -> str:
        # A string, not a Path, which is slower to make: a run may have 100,000 parts to check.
        return f"{self.path}/checksums/{part.name.removesuffix('.parquet')}.json"

    @property
    def jobs_path(self) -> Path:
        """The file with the ids of a server's jobs."""
        return self.path / "jobs"

    def sums(self, part: Part) -> Sums | None:
        """A part's checksums; None if it has none, or another run's."""
        try:
            found = read_sums(self._sums_path(part))
        except Unreadable:
            return None
        return found if found is not None and found.run == self.manifest.identity else None

    def has(self, kind: str, part: Part) -> bool:
        """Whether a table is stored; its size is checked, not its bytes."""
        sums = self.sums(part)
        return sums is not None and self._is_there(sums, kind, part)

    def is_complete(self, part: Part) -> bool:
        """Whether all of a part is stored, and judged by the run's rule."""
        sums = self.sums(part)
        return (
            sums is not None
            and sums.rule == self.manifest.tasks[part.task].rule
            and all(self._is_there(sums, kind, part) for kind in KINDS)
        )

    def _is_there(self, sums: Sums, kind: str, part: Part) -> bool:
        try:
            return sums.bytes.get(kind) == os.stat(f"{self.path}/{kind}/{part.name}").st_size
        except OSError:
            return False

    def missing(self) -> list[Part]:
        """Parts that are not complete."""
        return [part for part in self.manifest.parts() if not self.is_complete(part)]

    def stored(self) -> list[Part]:
        """Parts that are complete."""
        return [part for part in self.manifest.parts() if self.is_complete(part)]

    def write(
        self, kind: str, part: Part, table: pa.Table, *, adds_columns: bool = False,
        took: Took | None = None,
    ) -> None:  # fmt: skip
        """Store a part's table of one kind; to be called by the process that holds the part.

        Args:
            kind: which table: ``examples``, ``records`` or ``correct``.
            part: one part of its examples.
            table: its rows.
            adds_columns: keep columns that the run's other parts do not have; for callers that
                rewrite every part.
            took: what the part's records took.

        Raises:
            XTransplantError: the disk is full or the folder cannot be written to.
        """
        import pyarrow.parquet

        begun_with = None if adds_columns else self._begun_with(kind, part.task)
        if begun_with is not None:
            table = table.select([name for name in table.column_names if name in begun_with])
        sums = self.sums(part) or Sums(self.manifest.identity)
        if kind == "records":
            versions = self.versions or self.manifest.versions
            sums = replace(sums, versions=versions, **vars(took or Took()))
        elif kind == "correct":
            sums = replace(sums, rule=self.manifest.tasks[part.task].rule)
        with write_atomically(self.part_path(kind, part)) as temporary:
            pyarrow.parquet.write_table(table, str(temporary), compression="zstd")
            sums = sums.holding(kind, temporary)
        write_sums(self.sums_path(part), sums)

    def _begun_with(self, kind: str, task: str) -> list[str] | None:
        """Columns that the stored tables of a task have; None where none is stored."""
        if (kind, task) not in self._columns:
            self._columns[kind, task] = _stored_columns(self.path / kind / task_folder(task))
        return self._columns[kind, task]

    def forget(self, part: Part, *kinds: str) -> None:
        """Count tables as not stored from now on; their files stay.

        To be called by the process that holds the part.
        """
        sums = self.sums(part)
        if sums is not None and sums.sha256.keys() & set(kinds):
            write_sums(self.sums_path(part), sums.without(kinds))

    def revise(self, change: Callable[[Manifest], Manifest]) -> Run:
        """Change the manifest on disk, under its lock, and give the run with the new one.

        Raises:
            XTransplantError: the manifest cannot be read or written.
        """
        with lock_manifest(self.path):
            manifest = change(read_manifest(self.path))
            _write_manifest(self.path, manifest)
        return replace(self, manifest=manifest)

    def now(self) -> Run:
        """The run with its manifest read again: other processes may have changed it.

        Raises:
            XTransplantError: the manifest is gone or damaged.
        """
        return replace(self, manifest=read_manifest(self.path))

    def finish(self) -> Run:
        """Mark the run as finished in its manifest if every part is complete."""
        now = self.now()
        if now.manifest.finished or now.missing():
            return now
        # Under the lock: another process that finishes the run too has a temporary manifest.
        with lock_manifest(self.path):
            for stale in (*stale_files(self.path), self.jobs_path):
                stale.unlink(missing_ok=True)
        shutil.rmtree(self.path / LOCKS, ignore_errors=True)
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return now.revise(lambda manifest: manifest.done(when))


def create_run(path: Path, manifest: Manifest) -> Run:
    """Create a run's folder, or open the run if another process has just created it.

    Raises:
        XTransplantError: the folder cannot be written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    with lock_manifest(path):
        if not (path / "manifest.json").exists():
            _write_manifest(path, manifest)
    return open_run(path)


def open_run(path: str | Path) -> Run:
    """The run in a folder.

    Raises:
        XTransplantError: there is no run, its manifest is damaged, or it is of another version.
    """
    folder = Path(path)
    return Run(folder, read_manifest(folder))


def _stored_columns(folder: Path) -> list[str] | None:
    """Columns of any table under a folder that can be read."""
    import pyarrow as pa
    import pyarrow.parquet

    for path in folder.glob("lang=*/part-*.parquet"):
        with suppress(OSError, pa.ArrowException):
            return list(pyarrow.parquet.read_schema(path).names)
    return None


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    with write_atomically(folder / "manifest.json") as temporary:
        temporary.write_text(manifest.to_json(), encoding="utf-8")
