"""Where a model family keeps its sites: what one line of the table says.

The table itself is :data:`xtransplant.model.family_table.FAMILIES`. Which sites there are, and what
each holds: :mod:`xtransplant.sites`. Here stands what a line says. In every layer of a loaded model
``resid_post = resid_pre + attn + ffn``, which :mod:`xtransplant.model.check` holds it to; the two
raw sites are there only where they differ from ``attn`` and ``ffn``.

A new family is a line of that table. One whose layers are of two kinds (attention in some, a
linear-attention or state-space mixer in others, by the configuration's ``layer_types``) needs a
place per kind: a field of :class:`Family` beside ``attn`` and ``head``, which ``Family.places``
chooses from by the kind of a layer, and ``Model.site`` asks it with that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from xtransplant.sites import Site

__all__ = ["Family", "Place"]

Windows = Literal["full", "sliding", "by_layer_type", "in_columns"]


_WINDOWS = {
    "sliding": "sliding window",
    "by_layer_type": "windows by layer type",
    "in_columns": "one variant per row",
}


@dataclass(frozen=True)
class Place:
    """A module inside a block, and which side of it carries the value.

    Attributes:
        module: path from the block, such as ``"self_attn"``; ``""`` is the block itself.
        side: ``"output"`` (its first element, if a tuple) or ``"input"`` (its first argument).
    """

    module: str
    side: Literal["input", "output"] = "output"

    def __post_init__(self) -> None:
        """Tables are also read from files: refuse a word that is none.

        Raises:
            ValueError: ``side`` is neither input nor output.
        """
        if self.side not in ("input", "output"):
            raise ValueError(f"side {self.side!r} is neither 'input' nor 'output'")


@dataclass(frozen=True)
class Family:
    """How one architecture lays out its blocks.

    Attributes:
        layers: path of the list of blocks from the causal-LM model.
        attn: place whose value, times ``scale``, attention adds to the residual stream.
        ffn: the same for the feed-forward network.
        head: place of the heads' outputs side by side, ``[..., n_heads * head_dim]``.
        attn_raw, ffn_raw: place of what the two modules return, where a norm stands between that
            and ``attn`` and ``ffn``; None where they are the same.
        parallel: attention and feed-forward read the same input (so there is no ``resid_mid``);
            a string names the boolean of the configuration that says so.
        scale: name of the configuration's factor on what a block adds, where there is one.
        windows: which earlier tokens its layers attend to. ``"full"``: all; ``"sliding"``: the
            configuration's last ``sliding_window``, where it is set; ``"by_layer_type"``: by
            ``layer_types``, and the model takes a dict of attention masks by type;
            ``"in_columns"``: the model counts back in columns of the sequence, whatever mask it is
            given, so that variants cannot share one.
        alibi: attention is biased by distance counted in columns of the sequence (ALiBi), so that
            variants cannot share one; a string names the boolean of the configuration that says so.
    """

    layers: str
    attn: Place
    ffn: Place
    head: Place
    parallel: bool | str = False
    scale: str = ""
    windows: Windows = "full"
    alibi: bool | str = False
    attn_raw: Place | None = None
    ffn_raw: Place | None = None

    def __post_init__(self) -> None:
        """Tables are also read from files: refuse a word that is none.

        Raises:
            ValueError: ``windows`` is none of its choices.
        """
        if self.windows not in get_args(Windows):
            choices = ", ".join(get_args(Windows))
            raise ValueError(f"windows {self.windows!r} is none of {choices}")

    @property
    def places(self) -> dict[Site, Place]:
        """Where a block holds each site that is a module's input or output, if it has it."""
        found: dict[Site, Place | None] = {
            "attn": self.attn,
            "ffn": self.ffn,
            "head": self.head,
            "resid_pre": Place("", "input"),
            "resid_post": Place("", "output"),
            "attn_raw": self.attn_raw,
            "ffn_raw": self.ffn_raw,
        }
        return {site: place for site, place in found.items() if place is not None}

    @property
    def summary(self) -> str:
        """One line for a list: its modules, and how it departs from Llama."""
        notes = [f"attn {self.attn.module}", f"ffn {self.ffn.module}"]
        raw = [place.module for place in (self.attn_raw, self.ffn_raw) if place is not None]
        if raw:
            notes.append(f"normed after {', '.join(raw)}")
        if self.parallel:
            notes.append("parallel" + ("" if self.parallel is True else f" if {self.parallel}"))
        if self.scale:
            notes.append(f"times {self.scale}")
        if self.windows != "full":
            notes.append(_WINDOWS[self.windows])
        if self.alibi:
            condition = "" if self.alibi is True else f" if {self.alibi}"
            notes.append("one variant per row" + condition)
        return ", ".join(notes)
