"""A run's folder: written part by part, each at once or not at all, by any number of processes.

    manifest.json
    examples/task=T/lang=L/part-00000.parquet   the prompts and what makes an answer right
    records/ ...                                one row per example and variant: what was said
    correct/ ...                                the same rows, judged
    jobs                                        ids of a server's jobs, until the run is complete

A part is complete when its judgement is there; its records were stored before they were judged.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xtransplant.errors import cannot_write
from xtransplant.runs.manifest import Manifest, Part, read_manifest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "Claims", "Run", "claim", "create_run", "open_run"]

KINDS = ("examples", "records", "correct")


@dataclass(frozen=True)
class Run:
    """A run on disk."""

    path: Path
    manifest: Manifest

    def part_path(self, kind: str, part: Part) -> Path:
        """Where a part's table of one kind lies."""
        return self.path / kind / part.name

    @property
    def jobs_path(self) -> Path:
        """Where the ids of a server's jobs lie."""
        return self.path / "jobs"

    def has(self, kind: str, part: Part) -> bool:
        return self.part_path(kind, part).is_file()

    def is_complete(self, part: Part) -> bool:
        """Whether all of a part is stored."""
        return self.has("correct", part) and self.has("records", part)

    def missing(self) -> list[Part]:
        """Parts that are not complete."""
        return [part for part in self.manifest.parts() if not self.is_complete(part)]

    def stored(self) -> list[Part]:
        """Parts that are complete."""
        missing = set(self.missing())
        return [part for part in self.manifest.parts() if part not in missing]

    def write(self, kind: str, part: Part, table: pa.Table) -> None:
        """Store a part's table of one kind.

        Raises:
            XTransplantError: the disk is full or the folder cannot be written to.
        """
        import pyarrow.parquet

        path = self.part_path(kind, part)
        with _written(path) as temporary:
            pyarrow.parquet.write_table(table, temporary, compression="zstd")

    def finish(self) -> Run:
        """Say in the manifest that all is stored, if it is."""
        if self.manifest.finished or self.missing():
            return self
        for stale in (*_stale_files(self.path), self.jobs_path):
            stale.unlink(missing_ok=True)
        manifest = self.manifest.done(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        with _written(self.path / "manifest.json") as temporary:
            Path(temporary).write_text(manifest.to_json(), encoding="utf-8")
        return Run(self.path, manifest)


def create_run(path: Path, manifest: Manifest) -> Run:
    """A new run's folder; where another process was quicker, its run.

    Raises:
        XTransplantError: the folder cannot be written to.
    """
    target = path / "manifest.json"
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path, prefix=".manifest-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as text:
                text.write(manifest.to_json())
                text.flush()
                os.fsync(text.fileno())
            with suppress(FileExistsError):
                os.link(temporary, target)  # unlike a rename it never replaces
        finally:
            os.unlink(temporary)
    except OSError as error:
        raise cannot_write(path, error) from error
    return open_run(path)


def open_run(path: str | Path) -> Run:
    """The run in a folder.

    Raises:
        XTransplantError: no run there, or one of a newer version.
    """
    folder = Path(path)
    return Run(folder, read_manifest(folder))


@dataclass
class Claims:
    """Parts that are still to do; each is held by this process from when it is given until freed.

    What another process works on is left to it, and waited for at the end, in case it dies.
    """

    run: Run
    lock: int
    waiting: list[Part]
    numbers: dict[Part, int]

    def __iter__(self) -> Iterator[Part]:
        while self.waiting:
            missing = set(self.run.missing())
            passed_over = []
            for part in self.waiting:
                if part not in missing:
                    continue
                if not _hold(self.lock, self.numbers[part]):
                    passed_over.append(part)
                # It may have been done between the look and the lock.
                elif self.run.is_complete(part):
                    self.free(part)
                else:
                    yield part
            if passed_over and len(passed_over) == len(self.waiting):
                time.sleep(0.2)
            self.waiting = passed_over

    def free(self, part: Part) -> None:
        """Let go of a part, done or not."""
        _release(self.lock, self.numbers[part])


@contextmanager
def claim(run: Run, parts: Sequence[Part]) -> Iterator[Claims]:
    """Those of some parts that are still to do; whatever is held is let go at the end."""
    numbers = {part: number for number, part in enumerate(run.manifest.parts())}
    with _lock_file(run.path) as lock:
        yield Claims(run, lock, list(parts), numbers)


def _stale_files(folder: Path) -> Iterable[Path]:
    """Files that a killed process left half-written; they are never read."""
    return folder.glob("*/task=*/lang=*/.part-*")


@contextmanager
def _written(path: Path) -> Iterator[str]:
    """A temporary file that takes its place at once, when it is whole and on the disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield temporary
        with open(temporary, "rb") as whole:
            os.fsync(whole.fileno())
        os.chmod(temporary, 0o644 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def _lock_file(folder: Path) -> Iterator[int]:
    """One file whose bytes stand for parts; the system frees them when a process dies."""
    try:
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise cannot_write(folder / ".lock", error) from error
    try:
        yield handle
    finally:
        os.close(handle)


def _hold(lock: int, number: int) -> bool:
    try:
        import fcntl
    except ImportError:  # not on Windows: two processes then do the same work, to the same end
        return True
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except OSError:
        return False
    return True


def _release(lock: int, number: int) -> None:
    with suppress(ImportError):
        import fcntl

        fcntl.lockf(lock, fcntl.LOCK_UN, 1, number)
