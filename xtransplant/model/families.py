"""Where each model family keeps its sites: the table, as data.

A site is a place in a block, named for what it holds and not for the module that holds it:

==========  ==================================================================
attn        what attention adds to the residual stream
ffn         what the feed-forward network (MLP or experts) adds to it
resid_pre   the residual stream as the block receives it
resid_mid   the residual stream between attention and feed-forward
resid_post  the residual stream as the block hands it on
head        what each attention head hands to the output projection
==========  ==================================================================

In every family ``resid_post = resid_pre + attn + ffn``; :mod:`xtransplant.model.check` holds the
loaded model to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FAMILIES", "SITES", "Family", "Place", "Site"]

Site = Literal["attn", "ffn", "resid_pre", "resid_mid", "resid_post", "head"]
SITES: tuple[Site, ...] = ("attn", "ffn", "resid_pre", "resid_mid", "resid_post", "head")


@dataclass(frozen=True)
class Place:
    """A module inside a block, and which side of it carries the value.

    Attributes:
        module: path from the block, such as ``"self_attn"``; ``""`` is the block itself.
        side: ``"output"`` (its first element, if a tuple) or ``"input"`` (its first argument).
    """

    module: str
    side: Literal["input", "output"] = "output"


@dataclass(frozen=True)
class Family:
    """How one architecture lays out its blocks.

    Attributes:
        layers: path of the list of blocks from the causal-LM model.
        attn: place whose value, times ``scale``, attention adds to the residual stream.
        ffn: the same for the feed-forward network.
        head: place of the heads' outputs side by side, ``[..., n_heads * head_dim]``.
        parallel: attention and feed-forward read the same input (so there is no ``resid_mid``);
            a string names the boolean of the configuration that says so.
        scale: name of the configuration's factor on what a block adds, where there is one.
        unpackable: why variants cannot share a sequence, or ``""`` where they can.
    """

    layers: str
    attn: Place
    ffn: Place
    head: Place
    parallel: bool | str = False
    scale: str = ""
    unpackable: str = ""


_LLAMA = Family("model.layers", Place("self_attn"), Place("mlp"), Place("self_attn.o_proj", "input"))

FAMILIES: dict[str, Family] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
}
"""By ``model_type`` of the checkpoint's configuration."""
