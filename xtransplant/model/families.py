"""Where a model family keeps its sites: what one line of the table says.

The table itself is :data:`xtransplant.model.family_table.FAMILIES`. Which sites there are, and what
each holds: :mod:`xtransplant.sites`. Here stands what a line says. In every layer of a loaded model
``resid_post = resid_pre + attn + ffn``, which :mod:`xtransplant.model.check` holds it to; the two
raw sites are there only where they differ from ``attn`` and ``ffn``.

A new family is a line of that table. One whose layers are of several kinds (attention in some, a
linear-attention, convolution or state-space mixer in others) has a :class:`Block` for each kind but
the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from xtransplant.sites import Site

__all__ = ["USUAL", "Block", "Family", "Place"]

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
        scale: name of the factor on this value alone, where there is one (as ``Family.scale``).
        plus: places of modules that run side by side with this one, before it; the site holds the
            sum of all. Those that a block lacks are left out.
    """

    module: str
    side: Literal["input", "output"] = "output"
    scale: str = ""
    plus: tuple[Place, ...] = ()

    def __post_init__(self) -> None:
        """Tables are also read from files: refuse a word that is none.

        Raises:
            ValueError: ``side`` is neither input nor output.
        """
        if self.side not in ("input", "output"):
            raise ValueError(f"side {self.side!r} is neither 'input' nor 'output'")


USUAL: Mapping[str, Any] = {
    "neurons": Place("mlp.down_proj", "input"),
    "keys": Place("self_attn.k_proj"),
    "values": Place("self_attn.v_proj"),
}
"""Places of most families' sites inside modules, as keyword arguments of :class:`Family`."""


@dataclass(frozen=True)
class Block:
    """Where the layers of one kind keep their sites; None for a site that they have not.

    Attributes:
        attn, ffn, head, attn_raw, ffn_raw, neurons, keys, values: as in :class:`Family`.
        recurrent: its mixer carries a state from token to token (linear attention, convolution,
            state space), so that variants cannot share a sequence.
    """

    attn: Place | None = None
    ffn: Place | None = None
    head: Place | None = None
    attn_raw: Place | None = None
    ffn_raw: Place | None = None
    recurrent: bool = False
    neurons: Place | None = None
    keys: Place | None = None
    values: Place | None = None

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
            "neurons": self.neurons,
            "keys": self.keys,
            "values": self.values,
        }
        return {site: place for site, place in found.items() if place is not None}


@dataclass(frozen=True)
class Family:
    """How one architecture lays out its blocks.

    Attributes:
        layers: path of the list of blocks from the causal-LM model.
        attn: place whose value, times ``scale``, attention adds to the residual stream.
        ffn: the same for the feed-forward network.
        head: place of the heads' outputs side by side, ``[..., n_heads * head_dim]``.
        attn_raw: place of what the attention module returns, where a norm stands between that and
            ``attn``; None where they are the same.
        ffn_raw: the same for the feed-forward network.
        parallel: attention and feed-forward read the same input (so there is no ``resid_mid``);
            a string names the boolean of the configuration that says so.
        scale: name of the configuration's factor on what a block adds, or of the block's own, where
            there is one.
        windows: which earlier tokens its layers attend to. ``"full"``: all; ``"sliding"``: the
            configuration's last ``sliding_window``, where it is set; ``"by_layer_type"``: by
            ``layer_types``, and the model takes a dict of attention masks by type;
            ``"in_columns"``: the model counts back in columns of the sequence, whatever mask it is
            given, so that variants cannot share one.
        alibi: attention is biased by distance counted in columns of the sequence (ALiBi), so that
            variants cannot share one; a string names the boolean of the configuration that says so.
        recurrent: as in :class:`Block`.
        kinds: name of the configuration's list of the kind of each layer; empty where a layer is of
            the first kind in ``blocks`` whose modules it has.
        blocks: by kind, how layers laid out otherwise are; all other kinds are as said above.
        after: place of what a block adds to the stream once more, after its feed-forward network.
        rescale: name of a block's tensor by which all that it hands on is multiplied.
        streams: name of the configuration's number of residual streams, where a layer hands several
            on and mixes them (AltUp): there are no ``resid`` sites then.
        neurons: place of the feed-forward network's inner activations, the input of its last
            projection. A layer without such a module, or with experts beside it, has no such site.
        keys: place of what the projection of keys returns; likewise.
        values: the same for values.
    """

    layers: str
    attn: Place | None
    ffn: Place | None
    head: Place | None
    parallel: bool | str = False
    scale: str = ""
    windows: Windows = "full"
    alibi: bool | str = False
    attn_raw: Place | None = None
    ffn_raw: Place | None = None
    recurrent: bool = False
    kinds: str = ""
    blocks: Mapping[str, Block] = field(default_factory=dict)
    after: Place | None = None
    rescale: str = ""
    streams: str = ""
    neurons: Place | None = None
    keys: Place | None = None
    values: Place | None = None

    def __post_init__(self) -> None:
        """Tables are also read from files: refuse a word that is none.

        Raises:
            ValueError: ``windows`` is none of its choices, or there is no site ``attn``.
        """
        if self.windows not in get_args(Windows):
            choices = ", ".join(get_args(Windows))
            raise ValueError(f"windows {self.windows!r} is none of {choices}")
        if self.attn is None:
            raise ValueError("attn is null; give the place of what the first kind of layer adds")

    @property
    def block(self) -> Block:
        """How the layers are that ``blocks`` says nothing of."""
        return Block(**{one.name: getattr(self, one.name) for one in fields(Block)})

    def identity(self) -> dict[str, Any]:
        """All that it says, as plain data; fields that came later only where they say something.

        So a table by hand that does without them is the one it was.
        """
        said = asdict(self)
        for name, usual in USUAL.items():
            if getattr(self, name) == usual:
                del said[name]
            for block in said["blocks"].values():
                del block[name]
        found: dict[str, Any] = _said(said)
        return found

    @property
    def summary(self) -> str:
        """One line for a list: its modules, and how it departs from Llama."""
        notes = [*_modules(self.block)]
        for kind, block in self.blocks.items():
            notes.append(f"{kind.replace('_', ' ')}: {' '.join(_modules(block))}")
        raw = [place.module for place in (self.attn_raw, self.ffn_raw) if place is not None]
        if raw:
            notes.append(f"normed after {', '.join(raw)}")
        if self.parallel:
            notes.append("parallel" + ("" if self.parallel is True else f" if {self.parallel}"))
        if self.scale:
            notes.append(f"times {self.scale}")
        if self.windows != "full":
            notes.append(_WINDOWS[self.windows])
        if self.after:
            notes.append(f"then {self.after.module}")
        if self.rescale:
            notes.append(f"all times {self.rescale}")
        if self.streams:
            notes.append(f"{self.streams} streams")
        if self.alibi or self.recurrent or any(one.recurrent for one in self.blocks.values()):
            condition = f" if {self.alibi}" if isinstance(self.alibi, str) and self.alibi else ""
            notes.append("one variant per row" + condition)
        return ", ".join(notes)


# Fields that a table had when the first runs were stored.
_FIRST = (
    "module", "side", "layers", "attn", "ffn", "head", "parallel", "scale", "windows", "alibi",
    "attn_raw", "ffn_raw",
)  # fmt: skip


def _said(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    of_place = "module" in found
    return {
        name: _said(value)
        for name, value in found.items()
        if value or (name in _FIRST and not (of_place and name == "scale"))
    }


def _modules(block: Block) -> list[str]:
    """What holds ``attn`` and ``ffn``, in words."""
    found = {"attn": block.attn, "ffn": block.ffn}
    return [
        f"{site} {' + '.join(one.module for one in (*place.plus, place))}"
        for site, place in found.items()
        if place is not None
    ]
