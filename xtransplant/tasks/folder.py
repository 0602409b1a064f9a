"""Reading the layout of the paper's repository: NAME/NAME_{sample,unseen}/WHAT/LANG.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.tasks.data import DataSource
from xtransplant.tasks.rows import read_lines

__all__ = ["SPLITS", "has_layout", "read_parts"]

SPLITS = {"pilot": "sample", "unseen": "unseen"}


def has_layout(data: DataSource, name: str) -> bool:
    """Whether the data folder holds a dataset of this name in the paper's layout."""
    return _home(data, name) is not None


def read_parts(
    data: DataSource, name: str, split: str, files: dict[str, str]
) -> dict[str, list[Any]]:
    """Files of one split that say the same items line by line.

    Args:
        files: what each is, mapped to its path below the split's folder.

    Raises:
        XTransplantError: a file that is missing, is no JSON Lines, or has another number of lines.
    """
    home = _home(data, name)
    assert home is not None
    folder = home / f"{name}_{SPLITS[split]}"
    parts = {what: read_lines(folder / path) for what, path in files.items()}
    counts = {files[what]: len(rows) for what, rows in parts.items()}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{path} has {n}" for path, n in counts.items())
        raise XTransplantError(f"{folder}: line k should be item k in every file, but {said}")
    return parts


def _home(data: DataSource, name: str) -> Path | None:
    if data.data_dir is None:
        return None
    for home in (data.data_dir / name, data.data_dir):
        if any((home / f"{name}_{part}").is_dir() for part in SPLITS.values()):
            return home
    return None


def languages_there(
    data: DataSource, name: str, pattern: str, known: dict[str, str]
) -> dict[str, str]:
    """Which of the known languages a folder holds; all of them where it holds none of the layout.

    Args:
        pattern: path of a language's prompts below a split's folder, such as ``split/{}.json``.
    """
    home = _home(data, name)
    if home is None:
        return known
    return {
        code: language
        for code, language in known.items()
        if any((home / f"{name}_{s}" / pattern.format(code)).is_file() for s in SPLITS.values())
    }
