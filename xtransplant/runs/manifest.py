"""What a run is: its manifest, and the parts that its work is cut into."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from xtransplant.runs.names import path_name

__all__ = [
    "SCHEMA",
    "Language",
    "Manifest",
    "Part",
    "TaskEntry",
    "task_folder",
]

SCHEMA = 2
"""Of manifests and records; others are refused."""

# What a manifest says of where the model was and ran; no number depends on it.
_PLACE = (
    "name", "revision", "commit", "device", "server", "folder", "memory_budget", "batch_size",
)  # fmt: skip


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
        lang = path_name(self.lang)
        return f"{task_folder(self.task)}/lang={lang}/part-{self.number:05d}.parquet"


def task_folder(task: str) -> str:
    """A task's folder in each of a run's datasets."""
    return f"task={path_name(task)}"


@dataclass(frozen=True)
class Language:
    """One language of a task in a run.

    Attributes:
        n: how many examples.
        digest: SHA-256 over the examples' contents.
        pairs: layer pairs by strategy where this language has its own.
        in_sample: on how many of these examples the pairs were chosen; -1 if not known.
    """

    n: int
    digest: str
    pairs: dict[str, list[list[int]]]
    in_sample: int = 0


@dataclass(frozen=True)
class TaskEntry:
    """One task in a run.

    Attributes:
        version, licence, direction, split, mode: as the task and the command have them.
        rule: the matching rule that texts are judged by.
        part_size: examples to a part.
        languages: those that are run.
        left_out: those that are not, and why.
        too_long: ids of examples longer than the model reads, by language; they are not run.
        task_rule: the task's own rule where ``rule`` is another (``xtp rescore --rule``).
        baselines: by name, of each language the ids of the items that stand in its prompts.
        shots: the split that these items come from.
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
    baselines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    shots: str = ""

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
        nulls: null grids by the name that records have: ``strategy``, and the name of the ``null``.
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
    nulls: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def only(self) -> str:
        """Of which examples the grids are run: ``all``, ``gap`` or ``shared``."""
        return str(self.config.get("only", "all"))

    @property
    def pairs_text(self) -> str:
        """The layer pairs as the command named them, with the layers it restricted them to."""
        sides = {"source": "source_layers", "target": "target_layers"}
        layers = {side: self.config.get(name, "all") for side, name in sides.items()}
        parts = [f"{side} layers {text}" for side, text in layers.items() if text != "all"]
        return ", ".join([str(self.config.get("pairs") or ""), *parts])

    @property
    def state(self) -> str:
        """``complete`` or ``running``."""
        return "complete" if self.finished else "running"

    @cached_property
    def identity(self) -> str:
        """SHA-256 over what its records depend on; stored with every part's checksums."""
        model = {name: value for name, value in self.model.items() if name not in _PLACE}
        text = json.dumps([self.schema, self.id, model], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def parts(self) -> Iterator[Part]:
        """Every part, language by language."""
        for name, task in self.tasks.items():
            for lang, language in task.languages.items():
                for number, start in enumerate(range(0, language.n, task.part_size)):
                    stop = min(start + task.part_size, language.n)
                    yield Part(name, lang, number, start, stop)

    def nulls_of(self, strategy: str) -> dict[str, str]:
        """A strategy's null grids: by the null's name, the name that their records have."""
        own = self.nulls.items()
        return {one["null"]: name for name, one in own if one["strategy"] == strategy}

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
