"""Whether what is on disk is what was stored: every table against its checksum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.runs.checksums import Sums, Unreadable, read_sums, sha256_of
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run

__all__ = ["CHECKSUMS", "Damage", "damages", "damages_of", "intact", "refused"]

CHECKSUMS = "checksums"


@dataclass(frozen=True)
class Damage:
    """A file of a part that is not what was stored.

    Attributes:
        kind: of table, or :data:`CHECKSUMS` where all of the part is in question.
        path: of the file, from the run's folder.
        why: what is wrong with it.
        gone: it was taken away, so that nobody can take it for what was stored.
    """

    part: Part
    kind: str
    path: Path
    why: str
    gone: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def damages(run: Run) -> Iterator[Damage]:
    """All that is damaged in a run; every stored byte is read, about a gigabyte a second."""
    for part in run.manifest.parts():
        yield from damages_of(run, part)


def damages_of(run: Run, part: Part, *, by_size: bool = False) -> list[Damage]:
    """What is damaged of a part.

    Args:
        by_size: look at the files' sizes alone, which finds those cut off.
    """
    path = run.sums_path(part)
    try:
        sums = read_sums(path)
        found = _found(run, part, sums, by_size)
        while found and (now := read_sums(path)) != sums:
            # Its holder stored something meanwhile.
            sums, found = now, _found(run, part, now, by_size)
    except Unreadable as error:
        return [_of_checksums(run, part, str(error))]
    return found


def intact(run: Run) -> Run:
    """The run, if nothing of it is damaged; what is missing is not damaged.

    Raises:
        XTransplantError: a file is not what was stored; names it.
    """
    found = [one for one in damages(run) if not one.gone]
    if found:
        raise refused(run, found)
    return run


def refused(run: Run, found: Sequence[Damage]) -> XTransplantError:
    """What a reader is told who would have read damaged files."""
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return XTransplantError(
        f"run {run.path.name} is damaged: {found[0]}{more}; run its xtp bench command again, which "
        f"does anew what is damaged and keeps the rest (all of it: xtp runs --check {run.path})"
    )


def _found(run: Run, part: Part, sums: Sums | None, by_size: bool) -> list[Damage]:
    if sums is None:
        # Before the records a part has its examples' checksum.
        if any(run.part_path(kind, part).exists() for kind in ("records", "correct")):
            return [_of_checksums(run, part, "it is gone, and with it what its tables were")]
        return []
    if sums.run != run.manifest.identity:
        return [_of_checksums(run, part, "it is of another run, or of another model's")]
    found = []
    for kind in sums.sha256:
        path = run.part_path(kind, part)
        where = path.relative_to(run.path)
        try:
            size = path.stat().st_size
            if size != sums.bytes[kind]:
                why = f"it has {size} bytes, and was stored with {sums.bytes[kind]}"
                found.append(Damage(part, kind, where, why))
            elif not by_size and sha256_of(path) != sums.sha256[kind]:
                found.append(Damage(part, kind, where, "its bytes have changed since"))
        except FileNotFoundError:
            found.append(Damage(part, kind, where, "it is gone", gone=True))
        except OSError as error:
            found.append(Damage(part, kind, where, f"it cannot be read: {error.strerror}"))
    return found


def _of_checksums(run: Run, part: Part, why: str) -> Damage:
    return Damage(part, CHECKSUMS, run.sums_path(part).relative_to(run.path), why)
