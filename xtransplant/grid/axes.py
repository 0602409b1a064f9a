"""Which two axes a grid is drawn over: what may be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from xtransplant.errors import XTransplantError

__all__ = [
    "LAYERS",
    "PROBABILITY",
    "MetricName",
    "check_axes",
    "check_layers_fixed",
    "say_layers",
]

MetricName = Literal["probability", "candidates", "logprob", "rank", "recovery"]
"""What a cell shows of an answer that was scored; see ``grid.metrics``."""
PROBABILITY: MetricName = "probability"

LAYERS = ("i", "j")
"""The two axes that every grid has: source layer and target layer."""


def check_axes(axes: Sequence[str], swept: Sequence[str]) -> tuple[str, str]:
    """Two axes to draw over.

    Args:
        axes: their names.
        swept: names of the options that have several values.

    Raises:
        XTransplantError: not two, one that is there twice, or one that is none.
    """
    named, known = ",".join(axes), (*LAYERS, *swept)
    if len(axes) != 2:
        raise XTransplantError(f"axes {named!r} should be two of {', '.join(known)}, such as i,j")
    for name in axes:
        if name not in known:
            raise XTransplantError(
                f"axes {named!r}: {name!r} is neither i nor j nor an option that is swept; give it "
                f"several values, -S {name}=0:1:0.25, or take two of {', '.join(known)}"
            )
    if axes[0] == axes[1]:
        raise XTransplantError(
            f"axes {named!r} name {axes[0]} twice; take two of {', '.join(known)}"
        )
    return axes[0], axes[1]


def check_layers_fixed(
    axes: Sequence[str], source_layers: Sequence[int], target_layers: Sequence[int]
) -> None:
    """Refuse axes that leave several layers of a side without a place.

    Raises:
        XTransplantError: they do.
    """
    for name, side, layers in (("i", "source", source_layers), ("j", "target", target_layers)):
        if name not in axes and len(layers) > 1:
            raise XTransplantError(
                f"--axes {','.join(axes)} leave {name} open over {len(layers)} {side} layers: fix "
                f"it, --{side}-layers {layers[len(layers) // 2]}"
            )


def say_layers(layers: Sequence[int]) -> str:
    """``0-7``, or ``0, 2, 5``: the layers of one side."""
    first, last = layers[0], layers[-1]
    if len(layers) > 1 and list(layers) == list(range(first, last + 1)):
        return f"{first}-{last}"
    return ", ".join(map(str, layers))
