"""Items of a described dataset from the paper's repository: NAME/NAME_{sample,unseen}/..."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.description import Description, Folder
from xtransplant.tasks.gold import Gold
from xtransplant.tasks.parallel import Parallel, Written, make_parallel
from xtransplant.tasks.rows import read_lines

__all__ = ["SPLITS", "find_languages", "has_layout", "read_folder"]

SPLITS = {"pilot": "sample", "unseen": "unseen"}
"""Our splits, and what the paper's repository calls them."""


def has_layout(data: DataSource, name: str) -> bool:
    """Whether the data folder holds a dataset of this name in the paper's layout."""
    return _home(data, name) is not None


def find_languages(data: DataSource, folder: Folder, known: dict[str, str]) -> dict[str, str]:
    """Which of the known languages the data hold; all of them if the layout is not the paper's.

    Args:
        data: where the layout may lie.
        folder: the dataset's place in it.
        known: codes of languages, mapped to their names.
    """
    home = _home(data, folder.name)
    if home is None:
        return known
    splits = [home / f"{folder.name}_{split}" for split in SPLITS.values()]
    return {
        code: language
        for code, language in known.items()
        if any((split / folder.prompts.format(lang=code)).is_file() for split in splits)
    }


def read_folder(about: Description, lang: str, split: str, data: DataSource) -> list[Parallel]:
    """The items of one language and split, line by line.

    Args:
        about: the dataset; it has a folder.
        lang: code of the language that stands beside English.
        split: ``pilot`` or ``unseen``.
        data: where the paper's layout lies.

    Raises:
        XTransplantError: a file that is missing, is no JSON Lines or has another number of lines,
            or a line that is no prompt or answer.
    """
    folder = about.folder
    home = None if folder is None else _home(data, folder.name)
    assert folder is not None
    assert home is not None
    base = home / f"{folder.name}_{SPLITS[split]}"
    english = folder.english_of.get(lang, folder.english)
    prompts = [path.format(lang=lang) for path in (english, folder.prompts)]
    answers = [folder.gold.format(lang=code) for code in ("en", lang)] if folder.gold else []
    lines = _read_files(base, [*prompts, *answers])
    if answers:
        texts = lines[:2]
        golds = [_golds(folder, *one) for one in zip(answers, lines[2:], strict=True)]
    else:
        found = _objects(folder, prompts[0], lines[0])
        texts, golds = [found[0], lines[1]], [found[1], found[1]]
    labels = [_labels(about, base, code, golds[0]) for code in ("en", lang)]
    sides = [
        [Written(*one, labels[k]) for one in zip(texts[k], golds[k], strict=True)] for k in (0, 1)
    ]
    return [
        make_parallel(
            folder.id.format(task=about.name, lang=lang, split=split, row=row),
            sides[0][row], sides[1][row], about.candidates, _group(folder, sides[0][row].prompt),
        )
        for row in range(len(sides[0]))
    ]  # fmt: skip


def _group(folder: Folder, english: str) -> str:
    found = re.search(folder.group, english, re.DOTALL) if folder.group else None
    return found[1] if found else ""


def _read_files(base: Path, files: list[str]) -> list[list[Any]]:
    """Files whose line k is item k."""
    lines = [read_lines(base / path) for path in files]
    if len({len(rows) for rows in lines}) > 1:
        counts = ", ".join(
            f"{path} has {len(rows)}" for path, rows in zip(files, lines, strict=True)
        )
        raise XTransplantError(f"{base}: line k should be item k in every file, but {counts}")
    return lines


def _golds(folder: Folder, path: str, values: list[Any]) -> list[Gold]:
    found = []
    for number, value in enumerate(values, 1):
        try:
            found.append(folder.read_gold(value))
        except ValueError as error:
            raise XTransplantError(f"{folder.name} {path} line {number}: {error}") from None
    return found


def _objects(folder: Folder, path: str, rows: list[Any]) -> tuple[list[str], list[Gold]]:
    """Prompts and answers that stand in one file."""
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not {"input_text", "label"} <= row.keys():
            raise XTransplantError(
                f"{folder.name} {path} line {number} should hold input_text and label"
            )
    golds = _golds(folder, path, [row["label"] for row in rows])
    return [row["input_text"] for row in rows], golds


def _labels(about: Description, base: Path, code: str, golds: list[Gold]) -> tuple[str, ...]:
    """What a language calls the options, in their order."""
    assert about.folder is not None
    if not about.folder.labels or not golds:
        return tuple(about.words[code][name] for name in about.labels)
    (names, *_) = read_lines(base / about.folder.labels.format(lang=code))
    return tuple(names[mark] for mark in golds[0].options)


def _home(data: DataSource, name: str) -> Path | None:
    if data.data_dir is None:
        return None
    for home in (data.data_dir / name, data.data_dir):
        if any((home / f"{name}_{split}").is_dir() for split in SPLITS.values()):
            return home
    return None
