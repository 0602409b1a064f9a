"""The checksums of a part's tables, written by the process that holds the part.

    checksums/task=T/lang=L/part-00000.json

A table is named there once it is stored whole; one that is not named counts as missing, whatever
file lies in its place.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from xtransplant.files import write_atomically

__all__ = ["KINDS", "Sums", "Took", "Unreadable", "read_sums", "sha256_of", "write_sums"]

KINDS = ("examples", "records", "correct")


class Unreadable(Exception):
    """A file of checksums that is itself damaged."""


@dataclass(frozen=True)
class Took:
    """What a part's records took, by their strategy; empty of parts stored before it was counted.

    Attributes:
        token_forwards: how many times a token went through the whole model.
        source_tokens: those of them that are source prompts'.
        seconds: of wall clock, on ``machine``; no other's can be held to them.
        machine: its name, and the model's device there.
    """

    token_forwards: dict[str, float] = field(default_factory=dict)
    source_tokens: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    machine: str = ""


@dataclass(frozen=True)
class Sums:
    """Checksums of one part's tables, and what these were computed by.

    Attributes:
        run: identity of the run and model that it was computed under; see ``Manifest.identity``.
        rule: the matching rule that its records were judged by; empty until they are.
        versions: of the software that its records were computed with.
        sha256, bytes: of each table's file, by kind.
        token_forwards, source_tokens, seconds, machine: as of :class:`Took`.
    """

    run: str
    rule: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    token_forwards: dict[str, float] = field(default_factory=dict)
    source_tokens: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    machine: str = ""

    def holding(self, kind: str, path: Path) -> Sums:
        """These, and the checksum of one more table, whose file is at ``path``."""
        return replace(
            self,
            sha256={**self.sha256, kind: sha256_of(path)},
            bytes={**self.bytes, kind: path.stat().st_size},
        )

    def without(self, kinds: tuple[str, ...]) -> Sums:
        """These without some tables."""
        return replace(
            self,
            sha256={kind: one for kind, one in self.sha256.items() if kind not in kinds},
            bytes={kind: one for kind, one in self.bytes.items() if kind not in kinds},
        )


def read_sums(path: Path | str) -> Sums | None:
    """The checksums in a file; None if there is no such file.

    Raises:
        Unreadable: a file that cannot be parsed.
    """
    try:
        with open(path, "rb") as file:
            sums = Sums(**json.loads(file.read()))
        if sums.sha256.keys() == sums.bytes.keys() and sums.sha256.keys() <= set(KINDS):
            return sums
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"it cannot be read ({type(error).__name__})") from error
    raise Unreadable("it does not name tables and their sizes")


def write_sums(path: Path, sums: Sums) -> None:
    """Write checksums to a file, atomically.

    Raises:
        XTransplantError: the disk is full or the folder cannot be written to.
    """
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(asdict(sums), indent=1) + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    """SHA-256 over a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
