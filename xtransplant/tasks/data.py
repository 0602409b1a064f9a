"""Where a task's data lie, and how they are cut into splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.tasks.wide import parse_wide

__all__ = ["DataSource", "parse_data_source"]


@dataclass(frozen=True)
class DataSource:
    """Where a task's data lie, and how they are cut; the Hugging Face hub by default.

    Attributes:
        data_dir: a folder in the layout of the paper's repository, or one that holds clones of
            the hub's datasets under their names (``facebook/xnli``).
        file: the file of task ``file``.
        columns: for task ``file``: (what it is, the column that holds it).
        seed: of the pilot sample, where the data have none.
        split_by: for task ``file``: the column that names each row's split.
        wide: for task ``file``: the source's column and one for each language; empty where each
            row is of one language.
    """

    data_dir: Path | None = None
    file: Path | None = None
    columns: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    split_by: str | None = None
    wide: tuple[str, ...] = ()


def parse_data_source(
    data_dir: Path | None,
    file: Path | None,
    column: Sequence[str],
    seed: int = 0,
    split_by: str | None = None,
    wide: str | None = None,
) -> DataSource:
    """Where a task's data lie, and how they are cut, from the text of flags.

    Args:
        data_dir: ``--data-dir``.
        file: ``--file``.
        column: ``--column``, each as ``answer=gold``.
        seed: ``--seed``.
        split_by: ``--split-by``.
        wide: ``--wide``, as ``en,fr,sw``.

    Raises:
        XTransplantError: a folder or file that is not there, or text of another form.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise XTransplantError(
            f"--data-dir {str(data_dir)!r} is no folder; give one that holds the task's data "
            "(docs/bench.md)"
        )
    if file is not None and not file.is_file():
        raise XTransplantError(
            f"--file {str(file)!r} is no file; give a .jsonl, .csv or .parquet file (docs/bench.md)"
        )
    columns = []
    for text in column:
        what, equals, name = text.partition("=")
        if not equals or not name:
            raise XTransplantError(f"--column {text!r} should be what=column, such as answer=gold")
        columns.append((what, name))
    return DataSource(data_dir, file, tuple(columns), seed, split_by, parse_wide(wide))
