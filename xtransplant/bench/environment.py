"""The software and the machine that a run is made with.

The software is the same from a run's first part to its last, unless the user accepts another; then
the manifest names both.
"""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.runs.checksums import Unreadable, read_sums
from xtransplant.runs.manifest import Manifest
from xtransplant.runs.store import Run

__all__ = ["adopt_parts", "check_versions", "machine_entry", "place_of", "versions"]

# Those that compute; the others read data, which has a digest, and write files.
_COMPUTES = ("python", "xtransplant", "nnsight", "torch", "transformers", "tokenizers")


# A bench asks several times, and reading a package's metadata takes milliseconds.
_version = cache(version)


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that numbers depend on, by name."""
    names = ("xtransplant", "nnsight", "torch", "transformers", "tokenizers", "datasets", "pyarrow")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def machine_entry() -> dict[str, Any]:
    """What the manifest says of this machine; memory in bytes."""
    gpus = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory": psutil.virtual_memory().total,
        "gpus": gpus,
    }


def place_of(model: Model) -> str:
    """Where a model runs, for measured seconds: the machine, and the device or the server."""
    return f"{platform.node()}, {model.backend if model.backend.travels else model.device}"


def check_versions(run: Run, now: dict[str, str], *, accepted: bool) -> Run:
    """The run, if it may go on with the software that is here.

    Args:
        run: an opened run.
        now: versions by name.
        accepted: go on with other versions too, and write both down.

    Raises:
        XTransplantError: it was made with other versions, and that was not accepted.
    """
    used = [run.manifest.versions, *run.manifest.continued]
    if any(_same(one, now) for one in used):
        return run
    if accepted:
        return run.revise(lambda manifest: _continued(manifest, now))
    then = used[-1]
    changed = ", ".join(
        f"{name} {then[name]} then, {now.get(name, 'none')} now"
        for name in _COMPUTES
        if name in then and then[name] != now.get(name)
    )
    raise XTransplantError(
        f"run {run.path.name} was begun with other software ({changed}), so its numbers would be "
        "of both; go on all the same with --accept-versions, which writes both down, or begin "
        "anew with --fresh"
    )


def adopt_parts(folder: Path, manifest: Manifest) -> Manifest:
    """A new manifest for a folder that may hold parts, its own having been lost.

    Parts that were computed under the same identity are the run's still; the manifest then says
    which software they were computed with.

    Raises:
        XTransplantError: parts of another run or model lie there.
    """
    used: list[dict[str, str]] = []
    n_foreign = 0
    for path in sorted(folder.glob("checksums/task=*/lang=*/part-*.json")):
        try:
            sums = read_sums(path)
        except Unreadable:
            continue  # damaged, so it is computed again
        if sums is None:
            continue
        if sums.run != manifest.identity:
            n_foreign += 1
        elif sums.versions and sums.versions not in used:
            used.append(sums.versions)
    if n_foreign:
        raise XTransplantError(
            f"{str(folder)!r} has no manifest.json, and {n_foreign} of its parts were computed by "
            "another model or run, which this one must not pass for its own; bring the old model "
            f"back, move the folder aside (mv {folder} {folder}.old), or begin beside it: --fresh"
        )
    return replace(manifest, versions=used[0], continued=used[1:]) if used else manifest


def _same(one: dict[str, str], other: dict[str, str]) -> bool:
    # A manifest may name fewer: what it does not name is not compared.
    return all(one[name] == other.get(name) for name in _COMPUTES if name in one)


def _continued(manifest: Manifest, now: dict[str, str]) -> Manifest:
    if now in manifest.continued:
        return manifest
    return replace(manifest, continued=[*manifest.continued, now])
