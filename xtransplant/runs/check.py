"""Comparing a run's tables with their checksums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.runs.checksums import Sums, Unreadable, read_sums, sha256_of
from xtransplant.runs.manifest import Part
from xtransplant.runs.store import Run

__all__ = ["CHECKSUMS", "Damage", "check_intact", "damage_error", "find_damage", "find_part_damage"]

CHECKSUMS = "checksums"


@dataclass(frozen=True)
class Damage:
    """A file of a part that differs from what was stored.

    Attributes:
        kind: of table, or :data:`CHECKSUMS` where the whole part cannot be checked.
        path: of the file, from the run's folder.
        why: what is wrong with it.
        gone: the file is missing. Its part then counts as not complete, so readers need no error.
    """

    part: Part
    kind: str
    path: Path
    why: str
    gone: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


def find_damage(run: Run) -> Iterator[Damage]:
    """All damage in a run; reads every stored byte, about a gigabyte a second."""
    for part in run.manifest.parts():
        yield from find_part_damage(run, part)


def find_part_damage(run: Run, part: Part, *, by_size: bool = False) -> list[Damage]:
    """All damage in a part.

    Args:
        run: an opened run.
        part: one part of its examples.
        by_size: compare only the files' sizes, which finds those that were cut off.
    """
    path = run.sums_path(part)
    try:
        sums = read_sums(path)
        found = _found(run, part, sums, by_size)
        while found and (now := read_sums(path)) != sums:
            # Another process stored one of the tables meanwhile.
            sums, found = now, _found(run, part, now, by_size)
    except Unreadable as error:
        return [_of_checksums(run, part, str(error))]
    return found


def check_intact(run: Run) -> Run:
    """The run, if none of its files is damaged; missing ones are allowed.

    Raises:
        XTransplantError: a file differs from what was stored; the message names it.
    """
    found = [one for one in find_damage(run) if not one.gone]
    if found:
        raise damage_error(run, found)
    return run


def damage_error(run: Run, found: Sequence[Damage]) -> XTransplantError:
    """The error for readers of damaged files."""
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return XTransplantError(
        f"run {run.path.name} is damaged: {found[0]}{more}; run its xtp bench command again, which "
        f"does anew what is damaged and keeps the rest (all of it: xtp runs --check {run.path})"
    )


def _found(run: Run, part: Part, sums: Sums | None, by_size: bool) -> list[Damage]:
    if sums is None:
        # Checksums are first written with the examples, before any records.
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
