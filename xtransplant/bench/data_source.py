"""Where the flags of a command say that a task's data lie."""

from __future__ import annotations

from xtransplant.bench.flags import DataFlags
from xtransplant.tasks.data import DataSource, parse_data_source

__all__ = ["data_source_of"]


def data_source_of(data: DataFlags, seed: int | None = None) -> DataSource:
    """The data of these flags.

    Args:
        data: as they were given.
        seed: ``--seed``, where a command has it and it was given.

    Raises:
        XTransplantError: a folder or file that is not there, or text of another form.
    """
    return parse_data_source(
        data.data_dir, data.file, data.column, seed or 0, data.split_by, data.wide
    )
