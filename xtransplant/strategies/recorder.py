"""Run a strategy on recorders instead of a model: what it reads and writes becomes a list of edits.

``source`` and ``target`` look to a strategy like runs of a model. Reading a place gives a symbolic
value, assigning to one records an edit; nothing is computed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from xtransplant.errors import MissingSite, XTransplantError
from xtransplant.sites import SITES, Site, site_order
from xtransplant.strategies.edits import (
    PREFILL,
    Edit,
    Through,
    When,
    check_edit,
    parse_through,
    parse_when,
)
from xtransplant.strategies.overlap import refuse_certain
from xtransplant.strategies.places import LAST, Layer, Read, Span, parse_span
from xtransplant.strategies.values import Value, as_value

__all__ = ["Shape", "record"]

# Why a model may lack a site.
_WHY_MISSING: dict[str, str] = {
    "attn_raw": "; attention's output is added as it is, so that it is attn",
    "ffn_raw": "; the feed-forward network's output is added as it is, so that it is ffn",
    "resid_mid": "; its blocks run attention and feed-forward side by side",
}


@dataclass(frozen=True)
class Shape:
    """What a strategy may ask of the model.

    Attributes:
        n_layers, n_heads: number of blocks, and of attention heads in each.
        sites: the sites this model has, in some layer at least.
        layers: of each site that not every layer has, those that have it.
        kinds: per layer what kind of mixer it has; empty where nothing depends on it.
        head_dims: per layer how wide its heads are; empty where they are equally wide.
        d_model, head_dim: how wide a site is, and ``head``; 0 where that is not known.
    """

    n_layers: int
    n_heads: int
    sites: tuple[Site, ...] = SITES
    layers: Mapping[Site, tuple[int, ...]] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    head_dims: tuple[int, ...] = ()
    d_model: int = 0
    head_dim: int = 0

    def find_layer(self, prompt: str, site: Site, layer: Any) -> Layer:
        """The layer that a strategy asks for; a number below 0 counts from the last one.

        What is computed from ``i`` or ``j`` does not: ``j - 1`` of the first layer is no layer.

        Raises:
            MissingSite: the model has no such layer, or the layer has not the site.
            XTransplantError: no whole number.
        """
        derived = isinstance(layer, Layer)
        asked = layer if derived else Layer(_whole(layer, "a layer", "[j]"))
        lowest = 0 if derived else -self.n_layers
        if not lowest <= asked < self.n_layers:
            raise MissingSite(
                f"{prompt}.{site}[{asked.label}]: there is no layer {int(asked)}, the model has "
                f"layers 0 to {self.n_layers - 1}"
            )
        found = Layer(int(asked) % self.n_layers, asked.label)
        self.check(prompt, site, found)
        return found

    def check(self, prompt: str, site: Site, layer: int) -> None:
        """Refuse a site that a layer has not.

        Raises:
            MissingSite: it has not; the message says what the layer is, and which have the site.
        """
        there = self.layers.get(site)
        if there is None or layer in there:
            return
        kind = self.kinds[layer] if self.kinds else ""
        what = f"a {kind} layer" if kind else "a layer of another kind"
        raise MissingSite(
            f"{prompt}.{site}[{layer}]: layer {layer} is {what}, which has no {site}; layers "
            f"{', '.join(map(str, there))} have"
        )

    def check_widths(self, edit: Edit) -> None:
        """Refuse a head written with one of another width, and a tensor of another width.

        Raises:
            MissingSite: a head of another width.
            XTransplantError: a tensor of another width.
        """
        width = self.d_model
        if edit.site == "head":
            width = self.head_dims[edit.layer] if self.head_dims else self.head_dim
        for fixed in edit.value.fixed():
            if width and fixed.width not in (None, width):
                raise XTransplantError(
                    f"{edit.place} is {width} wide and {fixed} is {fixed.width}; was it made for "
                    "another model or site?"
                )
        if edit.site != "head" or not self.head_dims:
            return
        width = self.head_dims[edit.layer]
        for read in edit.value.reads():
            if self.head_dims[read.layer] != width:
                raise MissingSite(
                    f"{edit.place} cannot use {read}: heads are {width} wide there and "
                    f"{self.head_dims[read.layer]} here"
                )


def record(
    function: Callable[..., None], shape: Shape, i: int, j: int, options: Mapping[str, Any]
) -> tuple[Edit, ...]:
    """The edits that a strategy's function makes for layer pair i→j, in the order it makes them.

    Args:
        function: ``function(source, target, i, j, **options)``.
        shape: of the model that the edits are for.
        i: layer of the source, counted from 0.
        j: layer of the target.
        options: keyword arguments of the function.

    Raises:
        XTransplantError: the function asks for a layer, head or site the model has not, writes to
            the source, uses a value before it is computed, writes at decode steps what these do
            not compute, or makes no edit at all.
    """
    source, target = _PromptRecorder("source", shape, {}), _PromptRecorder("target", shape, {})
    function(source, target, Layer(i, "i"), Layer(j, "j"), **options)
    if not target.edits:
        raise XTransplantError(
            f"strategy {function.__name__} records no edit; "
            f"it should assign to the target, as in: target.attn[j] = source.attn[i]"
        )
    return tuple(target.edits.values())


class _PromptRecorder:
    """``source`` or ``target`` as a strategy sees it: its attributes are the model's sites."""

    __slots__ = ("edits", "name", "shape", "through", "when")

    def __init__(
        self,
        name: Literal["source", "target"],
        shape: Shape,
        edits: dict[tuple[Read, When], Edit],
        when: When = PREFILL,
        through: Through = "both",
    ) -> None:
        self.name = name
        self.shape = shape
        self.edits = edits
        self.when = when
        self.through = through

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__slots__:
            return super().__setattr__(name, value)
        raise XTransplantError(
            f"{self.name}.{name} = ... names no layer; write {self.name}.attn[j] = ..."
        )

    def __getattr__(self, site: str) -> _SiteRecorder:
        if site not in self.shape.sites:
            has = ", ".join(self.shape.sites)
            why = _WHY_MISSING.get(site, "")
            raise XTransplantError(f"{self.name}.{site}: this model's sites are {has}{why}")
        return _SiteRecorder(self, site)

    @property
    def n_layers(self) -> Layer:
        """How many layers the model has, as in ``source.attn[source.n_layers - 1 - i]``."""
        return Layer(self.shape.n_layers, "n_layers")

    def during(self, when: str = "prefill", *, through: str = "both") -> _PromptRecorder:
        """The same prompt, for edits made at other steps, or let change less than all.

        Args:
            when: see :func:`parse_when`.
            through: see :func:`parse_through`.

        Raises:
            XTransplantError: the source's, or a word that is none.
        """
        if self.name == "source":
            raise XTransplantError("source is read as it is after the prefill; write target.during")
        steps, way = parse_when(when), parse_through(through)
        return _PromptRecorder(self.name, self.shape, self.edits, steps, way)

    def read(self, site: Site, layer: Layer, tokens: Span, head: int | None) -> Value:
        """A place's symbolic value, or what was written there before."""
        read = Read(self.name, site, int(layer), tokens, head, layer.label)
        if (read, self.when) in self.edits:
            return self.edits[read, self.when].value
        if site == "head" and head is None:
            raise XTransplantError("a read names its head: source.head(3)[i]")
        refuse_certain(self.edits, read, self.when, is_read=True)
        return Value(((1.0, read),))

    def write(
        self, site: Site, layer: Layer, tokens: Span, head: int | None, value: Value | float
    ) -> None:
        """Record an edit; a later one of the same place takes an earlier one's."""
        if self.name == "source":
            raise XTransplantError("source is only read; edits are written to target")
        if site == "head" and head is None:
            raise XTransplantError("an edit names its head: target.head(3)[j] = ...")
        edit = Edit(
            site, int(layer), tokens, as_value(value), head, layer.label, self.when, self.through
        )
        for read in edit.value.reads():
            later = (read.layer, site_order(read.site)) > (edit.layer, site_order(site))
            if read.prompt == "target" and later:
                raise XTransplantError(f"{edit.place} cannot use {read}: it is computed later")
            if (read.site == "head") != (site == "head"):
                raise XTransplantError(
                    f"{edit.place} cannot use {read}: a head is head_dim wide, other sites d_model"
                )
        self.shape.check_widths(edit)
        check_edit(edit)
        refuse_certain(self.edits, edit.place, edit.when, is_read=False)
        self.edits[edit.place, edit.when] = edit


class _SiteRecorder:
    """``source.attn`` or ``target.attn``: indexing reads, assigning writes."""

    __iter__ = None  # Python would index 0, 1, ... past the last layer

    def __init__(self, prompt: _PromptRecorder, site: Site, head: int | None = None) -> None:
        self._prompt, self._site, self._head = prompt, site, head

    def __call__(self, head: int) -> _SiteRecorder:
        if self._site != "head":
            raise XTransplantError(f"only site head takes a head's number, not {self._site}")
        head = _whole(head, "a head", "head(3)")
        n_heads = self._prompt.shape.n_heads
        if not -n_heads <= head < n_heads:
            raise XTransplantError(
                f"head {head} is out of range: the model has heads 0 to {n_heads - 1}"
            )
        return _SiteRecorder(self._prompt, self._site, head % n_heads)

    def __getitem__(self, key: Any) -> Value:
        return self._prompt.read(self._site, *self._place(key), self._head)

    def __setitem__(self, key: Any, value: Value | float) -> None:
        self._prompt.write(self._site, *self._place(key), self._head, value)

    def _place(self, key: Any) -> tuple[Layer, Span]:
        if isinstance(key, tuple) and len(key) != 2:
            raise XTransplantError(
                f"{self._prompt.name}.{self._site}[...] takes a layer, and tokens after a comma, "
                f"as in [j] or [j, -3:], not {len(key)} values"
            )
        layer, tokens = key if isinstance(key, tuple) else (key, None)
        span = LAST if tokens is None else parse_span(tokens)
        return self._prompt.shape.find_layer(self._prompt.name, self._site, layer), span


def _whole(number: Any, what: str, how: str) -> int:
    """A number of a layer or head; True and 1.5 are none, though Python may take them for one."""
    try:
        if not isinstance(number, bool):
            return operator.index(number)
    except TypeError:
        pass
    raise XTransplantError(f"{what} is a whole number, as in {how}, not {number!r:.60}")
