"""What a run is: its manifest, and the parts that its work is cut into."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.text import parse_json, read_text

__all__ = ["SCHEMA", "Language", "Manifest", "Part", "TaskEntry", "read_manifest"]

SCHEMA = 1
"""Of manifests and records; a newer one is refused."""


@dataclass(frozen=True)
class Part:
    """Consecutive examples of one task and language: what is run, and stored, as a whole.

    Attributes:
        number: from 0, within its language.
        start, stop: the examples, counted within the language; the end is left out.
    """

    task: str
    lang: str
    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Its path in each of a run's datasets."""
        return f"task={self.task}/lang={self.lang}/part-{self.number:05d}.parquet"


@dataclass(frozen=True)
class Language:
    """One language of a task in a run.

    Attributes:
        n: how many examples.
        digest: SHA-256 over what they say.
        pairs: layer pairs by strategy where this language has its own.
    """

    n: int
    digest: str
    pairs: dict[str, list[list[int]]]


@dataclass(frozen=True)
class TaskEntry:
    """One task in a run.

    Attributes:
        version, licence, direction, split, mode, rule: as the task and the command said.
        part_size: examples to a part.
        languages: those that are run.
        left_out: those that are not, and why.
        too_long: ids of examples longer than the model reads, by language; they are not run.
    """

    version: str
    licence: str
    direction: str
    split: str
    mode: str
    rule: str
    part_size: int
    languages: dict[str, Language]
    left_out: dict[str, str]
    too_long: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """All that a run is made from.

    Attributes:
        id: hash of everything that its records depend on; the end of its folder's name.
        schema: :data:`SCHEMA` when it was written.
        config: the command, flag by flag.
        model: its name, revision, fingerprint, dtype, layers, tokenizer.
        strategies: name with options, mapped to its source's hash and its layer pairs.
        tasks: by name.
        versions, machine: of what ran it first.
        started, finished: UTC, ISO 8601; finished is empty until the last part is stored.
    """

    id: str
    schema: int
    config: dict[str, Any]
    model: dict[str, Any]
    strategies: dict[str, dict[str, Any]]
    tasks: dict[str, TaskEntry]
    versions: dict[str, str]
    machine: dict[str, Any]
    started: str
    finished: str = ""

    @property
    def state(self) -> str:
        return "complete" if self.finished else "running"

    def parts(self) -> Iterator[Part]:
        """Every part, language by language."""
        for name, task in self.tasks.items():
            for lang, language in task.languages.items():
                for number, start in enumerate(range(0, language.n, task.part_size)):
                    stop = min(start + task.part_size, language.n)
                    yield Part(name, lang, number, start, stop)

    def pairs(self, strategy: str, task: str, lang: str) -> list[tuple[int, int]]:
        """Layer pairs (i, j) of a strategy in a language."""
        own = self.tasks[task].languages[lang].pairs.get(strategy)
        shared = self.strategies[strategy]["pairs"] if own is None else own
        return [(i, j) for i, j in shared]

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        document = {"state": self.state, **asdict(self)}
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"

    def done(self, when: str) -> Manifest:
        """The manifest of the finished run."""
        return replace(self, finished=when)


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a run's folder.

    Raises:
        XTransplantError: none there, one that cannot be read, or one of a newer version.
    """
    path = folder / "manifest.json"
    try:
        document = parse_json(read_text(path))
        if not isinstance(document, dict):
            raise ValueError(f"it holds {document!r:.40}")
    except FileNotFoundError:
        raise XTransplantError(
            f"{str(folder)!r} is no run: it has no manifest.json; xtp runs FOLDER lists runs"
        ) from None
    except (OSError, ValueError) as error:
        raise XTransplantError(
            f"{str(path)!r} is damaged ({error}); put it back from a copy, or move the folder away "
            "and run its xtp bench command again"
        ) from error
    schema = document.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise XTransplantError(
            f"{str(folder)!r} was written by a newer xtransplant (records of version {schema}, "
            f"this one reads up to {SCHEMA}); upgrade: pip install -U xtransplant"
        )
    try:
        document.pop("state", None)
        tasks = {
            name: TaskEntry(
                **{**entry, "languages": {k: Language(**v) for k, v in entry["languages"].items()}}
            )
            for name, entry in document.pop("tasks").items()
        }
        return Manifest(**document, tasks=tasks)
    except (AttributeError, KeyError, TypeError) as error:
        raise XTransplantError(f"{str(path)!r} is no manifest of a run: {error}") from error
