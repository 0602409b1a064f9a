"""Reading a run's manifest: every fault is one line that says what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.runs.manifest import SCHEMA, Manifest

__all__ = ["count_stored_parts", "read_manifest"]

_MOST_PARTS = 10**7


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a run's folder.

    Raises:
        XTransplantError: none there, one that is damaged, or one of another version.
    """
    path = folder / "manifest.json"
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
    except (FileNotFoundError, NotADirectoryError):
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
    for fault in _faults(manifest):
        raise _damaged(folder, fault)
    return manifest


def _faults(manifest: Manifest) -> Iterator[str]:
    """What is wrong with values whose types are right."""
    n_parts = 0
    for name, task in manifest.tasks.items():
        if task.part_size < 1:
            yield f"tasks.{name}.part_size is {task.part_size}"
        for lang, language in task.languages.items():
            if language.n < 0:
                yield f"tasks.{name}.languages.{lang}.n is {language.n}"
            n_parts += -(-language.n // max(1, task.part_size))
    if n_parts > _MOST_PARTS:
        yield f"it names {n_parts:,} parts"
    if not isinstance(manifest.model.get("name"), str):
        yield "model.name is missing"
    if not isinstance(manifest.model.get("n_layers"), int):
        yield "model.n_layers is missing"
    own = [entry.get("pairs") for entry in manifest.strategies.values()]
    by_language = [
        pairs
        for task in manifest.tasks.values()
        for language in task.languages.values()
        for pairs in language.pairs.values()
    ]
    if not all(map(_are_pairs, [*own, *by_language])):
        yield "pairs are not [source layer, target layer]"


def _are_pairs(found: Any) -> bool:
    return isinstance(found, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(k, int) for k in pair)
        for pair in found
    )


def count_stored_parts(folder: Path) -> int:
    """How many parts lie in a folder, whatever its manifest says."""
    return sum(1 for _ in folder.glob("checksums/task=*/lang=*/part-*.json"))


def _parts(n: int) -> str:
    return f"{n} stored part{'' if n == 1 else 's'}"


def _missing(folder: Path) -> XTransplantError:
    n = count_stored_parts(folder)
    if not n:
        within = sorted(path.parent.name for path in folder.glob("*/manifest.json"))
        if within:
            return XTransplantError(
                f"{str(folder)!r} is no run, but a folder of {len(within)}; name one, such as "
                f"{folder / within[0]}, or all: {folder / '*'}"
            )
        why = "it has no manifest.json" if folder.exists() else "there is nothing of that name"
        why = "it is a file, and a run is a folder" if folder.is_file() else why
        return XTransplantError(f"{str(folder)!r} is no run: {why}; xtp runs FOLDER lists runs")
    return XTransplantError(
        f"run {str(folder)!r} has lost its manifest.json, not its {_parts(n)}: run the same xtp "
        "bench command again, which writes it anew and keeps them"
    )


def _damaged(folder: Path, why: str) -> XTransplantError:
    n, path = count_stored_parts(folder), str(folder / "manifest.json")
    keeps = f" and keeps the {_parts(n)} beside it" if n else ""
    return XTransplantError(
        f"{path!r} is damaged ({why}); take it away (rm {path!r}) and run the same xtp bench "
        f"command again, which writes it anew{keeps}"
    )
