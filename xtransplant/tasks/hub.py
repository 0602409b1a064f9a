"""Rows of a dataset on the Hugging Face hub, or of a clone of it in a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.tasks.data import DataSource

__all__ = ["rows"]


def rows(
    repo: str,
    config: str,
    split: str,
    data: DataSource,
    columns: Sequence[str],
    *,
    revision: str | None = None,
) -> list[dict[str, Any]]:
    """Every row of a split, with the columns asked for.

    Args:
        repo: such as ``facebook/xnli``; a folder of that name under ``data.data_dir`` stands in.

    Raises:
        XTransplantError: nothing there, the hub out of reach, or another schema.
    """
    import datasets

    source: str = repo
    options: dict[str, Any] = {"revision": revision} if revision else {}
    if data.data_dir is not None:
        clone = data.data_dir / repo
        if not clone.is_dir():
            raise XTransplantError(
                f"--data-dir {str(data.data_dir)!r} holds neither the paper's layout nor a clone "
                f"of {repo}; give its parent folder, or: huggingface-cli download {repo} "
                f"--repo-type dataset --local-dir {clone}"
            )
        source, options = str(clone), {"streaming": True}
    quiet = datasets.utils.logging.is_progress_bar_enabled()
    datasets.utils.logging.disable_progress_bar()
    try:
        with tempfile.TemporaryDirectory() as folder:
            # A clone is read without the library's cache, which would take one folder for another
            # that has files of the same names.
            cache = folder if data.data_dir is not None else None
            found = list(
                datasets.load_dataset(source, config, split=split, cache_dir=cache, **options)
            )
    except Exception as error:
        # Whatever the library raises, it is about the network, the name or the files.
        why = " ".join(str(error).split())[:300]
        raise XTransplantError(
            f"cannot load {source} ({config}, {split}): {type(error).__name__}: {why}; "
            "without a network give a copy with --data-dir"
        ) from error
    finally:
        if quiet:
            datasets.utils.logging.enable_progress_bar()
    there = list(found[0]) if found else []
    missing = [column for column in columns if found and column not in there]
    if missing:
        raise XTransplantError(
            f"{source} ({config}) has another schema: no column {', '.join(missing)}; "
            f"it has {', '.join(there)}"
        )
    return [{column: row[column] for column in columns} for row in found]
