"""The devices of this machine, and whether ``--device-map`` names one: before weights are read."""

from __future__ import annotations

import torch

from xtransplant.errors import XTransplantError

__all__ = ["check_device_map", "devices"]

_SPREAD = ("auto", "balanced", "balanced_low_0", "sequential")


def devices() -> tuple[str, ...]:
    """Names of the devices of this machine that a model can be put on."""
    found = ["cpu"]
    kind = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if kind is not None:
        found += [f"{kind.type}:{k}" for k in range(torch.accelerator.device_count())]
    return tuple(found)


def check_device_map(text: str) -> None:
    """Refuse a ``--device-map`` that names no device of this machine.

    Args:
        text: a device such as ``cuda:0``, or a way to spread the layers such as ``auto``.

    Raises:
        XTransplantError: it is neither.
    """
    there = devices()
    kinds = {name.partition(":")[0] for name in there}
    if text in (*_SPREAD, *there, *kinds):
        return
    raise XTransplantError(
        f"--device-map {text!r} is no device of this machine; it has {', '.join(there)}, or auto "
        "to spread the layers over all of them"
    )
