"""What a run is: its manifest, and the parts that its work is cut into."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.runs.names import path_name

__all__ = [
    "SCHEMA",
    "Language",
    "Manifest",
    "Part",
    "TaskEntry",
    "n_stored_beside",
    "read_manifest",
]

SCHEMA = 2
"""Of manifests and records; others are refused."""

# What a manifest says of the model that no number depends on.
_OF_PLACE = ("name", "revision", "commit", "device", "server", "folder", "memory_budget")
_MOST_PARTS = 10**7


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
        """Its path in each of a run's datasets; no task or language leads out of them."""
        task, lang = path_name(self.task), path_name(self.lang)
        return f"task={task}/lang={lang}/part-{self.number:05d}.parquet"


@dataclass(frozen=True)
class Language:
    """One language of a task in a run.

    Attributes:
        n: how many examples.
        digest: SHA-256 over what they say.
        pairs: layer pairs by strategy where this language has its own.
        in_sample: on how many of these examples the pairs were chosen; -1 where nothing says.
    """

    n: int
    digest: str
    pairs: dict[str, list[list[int]]]
    in_sample: int = 0


@dataclass(frozen=True)
class TaskEntry:
    """One task in a run.

    Attributes:
        version, licence, direction, split, mode: as the task and the command said.
        rule: the matching rule that texts are judged by.
        part_size: examples to a part.
        languages: those that are run.
        left_out: those that are not, and why.
        too_long: ids of examples longer than the model reads, by language; they are not run.
        task_rule: the task's own rule where ``rule`` is another (``xtp rescore --rule``).
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
    task_rule: str = ""

    def judged_by(self, rule: str) -> TaskEntry:
        """This task, its texts judged by another rule, or another version, from now on."""
        own = self.task_rule or self.rule
        # A rule that a package adds is stored as NAME@HASH.
        same = rule.partition("@")[0] == own.partition("@")[0]
        return replace(self, rule=rule, task_rule="" if same else own)


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
        continued: versions of what it went on with, where they differ (``--accept-versions``).
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
    continued: list[dict[str, str]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return "complete" if self.finished else "running"

    @cached_property
    def identity(self) -> str:
        """SHA-256 over what its parts' numbers depend on: each of them says it."""
        model = {name: value for name, value in self.model.items() if name not in _OF_PLACE}
        text = json.dumps([self.schema, self.id, model], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

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
        XTransplantError: none there, one that is damaged, or one of another version.
    """
    path = folder / "manifest.json"
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
    except FileNotFoundError:
        raise _missing(folder) from None
    except OSError as error:
        raise XTransplantError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, "it is cut off, or no JSON") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, int):
        raise _damaged(folder, "it does not say which version of records it is of")
    if schema > SCHEMA:
        raise XTransplantError(
            f"{str(folder)!r} was written by a newer xtransplant (records of version {schema}, "
            f"this one reads {SCHEMA}); upgrade: pip install -U xtransplant"
        )
    if schema < SCHEMA:
        raise XTransplantError(
            f"{str(folder)!r} was written by an older xtransplant (records of version {schema}, "
            f"this one reads {SCHEMA}); run its xtp bench command again, it begins a new run"
        )
    return _parsed(text, folder)


def _parsed(text: str, folder: Path) -> Manifest:
    from pydantic import TypeAdapter, ValidationError

    try:
        manifest = TypeAdapter(Manifest).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise _damaged(folder, f"{where}: {first['msg']}") from error
    n_parts = 0
    for name, task in manifest.tasks.items():
        if task.part_size < 1:
            raise _damaged(folder, f"tasks.{name}.part_size is {task.part_size}")
        for lang, language in task.languages.items():
            if language.n < 0:
                raise _damaged(folder, f"tasks.{name}.languages.{lang}.n is {language.n}")
            n_parts += -(-language.n // task.part_size)
    if n_parts > _MOST_PARTS:
        raise _damaged(folder, f"it names {n_parts:,} parts")
    if not isinstance(manifest.model.get("name"), str):
        raise _damaged(folder, "model.name is missing")
    if not isinstance(manifest.model.get("n_layers"), int):
        raise _damaged(folder, "model.n_layers is missing")
    own = [entry.get("pairs") for entry in manifest.strategies.values()]
    by_language = [
        pairs
        for task in manifest.tasks.values()
        for language in task.languages.values()
        for pairs in language.pairs.values()
    ]
    if not all(map(_are_pairs, [*own, *by_language])):
        raise _damaged(folder, "pairs are not [source layer, target layer]")
    return manifest


def _are_pairs(found: Any) -> bool:
    return isinstance(found, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(k, int) for k in pair)
        for pair in found
    )


def n_stored_beside(folder: Path) -> int:
    """How many parts lie in a folder, whatever its manifest says."""
    return sum(1 for _ in folder.glob("checksums/task=*/lang=*/part-*.json"))


def _parts(n: int) -> str:
    return f"{n} stored part{'' if n == 1 else 's'}"


def _missing(folder: Path) -> XTransplantError:
    n = n_stored_beside(folder)
    if not n:
        return XTransplantError(
            f"{str(folder)!r} is no run: it has no manifest.json; xtp runs FOLDER lists runs"
        )
    return XTransplantError(
        f"run {str(folder)!r} has lost its manifest.json, not its {_parts(n)}: run the same xtp "
        "bench command again, which writes it anew and keeps them"
    )


def _damaged(folder: Path, why: str) -> XTransplantError:
    n, path = n_stored_beside(folder), str(folder / "manifest.json")
    keeps = f" and keeps the {_parts(n)} beside it" if n else ""
    return XTransplantError(
        f"{path!r} is damaged ({why}); take it away (rm {path!r}) and run the same xtp bench "
        f"command again, which writes it anew{keeps}"
    )
