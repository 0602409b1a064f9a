"""What was found about a model's packing, kept on the disk for the next process.

One JSON file per key, which is all that the finding depends on; a file whose key is another is not
looked at. Files are replaced whole, so that processes need not wait for each other.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from xtransplant.engine.compare import Difference
from xtransplant.engine.packing_check import PackingCheck
from xtransplant.errors import XTransplantError
from xtransplant.files import cache_folder, write_atomically
from xtransplant.model.distributed import broadcast, rank
from xtransplant.model.model import Model
from xtransplant.model.state import StateKey, model_key
from xtransplant.packing import Packing

__all__ = ["recall", "remember"]

_LOGGER = logging.getLogger("xtransplant")


def recall(model: Model) -> PackingCheck | None:
    """What is remembered of a model's packing; None for nothing.

    Of a model that is split over processes the first one looks, and all are told.
    """
    found = _read(model) if not rank() or model.world_size == 1 else None
    return broadcast(found) if model.world_size > 1 else found


def remember(model: Model, check: PackingCheck) -> PackingCheck:
    """Keep what was found, and say since when and where.

    It is not kept where the weights are in another process, whose software may change unseen, nor
    if something of it was left out for want of memory, or no number came out.
    """
    if check.lacked_memory or not _is_finite(check) or (rank() and model.world_size > 1):
        return check
    if (key := model_key(model)) is None:
        return check
    path, since = _path(key), datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    entry = {"key": key, "since": since, "check": asdict(replace(check, since="", file=""))}
    try:
        with write_atomically(path) as draft:
            draft.write_text(json.dumps(entry, indent=1))
    except XTransplantError:
        _warn_once(str(path.parent))
        return check
    return replace(check, since=since, file=str(path))


def _read(model: Model) -> PackingCheck | None:
    if (key := model_key(model)) is None:
        return None
    path = _path(key)
    try:
        entry = json.loads(path.read_text())
        check = _check_of(entry["check"]) if entry["key"] == key else None
        since = str(entry["since"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError):
        check, since = None, ""
    if check is None:
        _LOGGER.warning("%s cannot be read: packing is verified anew", path)
        return None
    return replace(check, since=since, file=str(path))


def _path(key: StateKey) -> Path:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return cache_folder() / "packing" / f"{digest[:32]}.json"


def _check_of(found: Any) -> PackingCheck:
    """A finding as it was written.

    Raises:
        ValueError, TypeError, LookupError: it is none.
    """
    packing, float32 = Packing(**found["packing"]), found["float32"]
    read = PackingCheck(**{
        **found, "packing": packing, "float32": float32 and Difference(**float32)
    })  # fmt: skip
    flags = [getattr(packing, field.name) for field in fields(packing)]
    numbers = [read.tolerance, read.other_tops, 0.0 if read.worst is None else read.worst]
    texts = [read.reason, read.half, read.why_not, read.since, read.file]
    for values, kind in ((flags, bool), (numbers, float), (texts, str)):
        if not all(isinstance(value, kind) for value in values):
            raise TypeError(f"no {kind.__name__}")
    if read.untried is not None and not isinstance(read.untried, int):
        raise TypeError("no int")
    return read


def _is_finite(check: PackingCheck) -> bool:
    """Whether all numbers are such as JSON has."""
    try:
        json.dumps(asdict(check), allow_nan=False)
    except ValueError:
        return False
    return True


@cache
def _warn_once(folder: str) -> None:
    _LOGGER.warning(
        "%s cannot be written, so that packing is verified by every process; "
        "XTRANSPLANT_CACHE=FOLDER names another",
        folder,
    )
