"""Run a strategy once on paper: what it would read and write becomes a list of edits."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from xtransplant.errors import XTransplantError
from xtransplant.sites import SITES, Site, site_order
from xtransplant.strategies.overlap import refuse_certain
from xtransplant.strategies.values import LAST, Layer, Read, Span, Value, as_value, span

__all__ = ["Edit", "Shape", "record"]

_ONLY_SOME: dict[str, str] = {
    "attn_raw": "; attention's output is added as it is, so that it is attn",
    "ffn_raw": "; the feed-forward network's output is added as it is, so that it is ffn",
    "resid_mid": "; its blocks run attention and feed-forward side by side",
}


@dataclass(frozen=True)
class Shape:
    """What a strategy may ask of the model.

    Attributes:
        n_layers, n_heads: number of blocks, and of attention heads in each.
        sites: the sites this model has.
    """

    n_layers: int
    n_heads: int
    sites: tuple[Site, ...] = SITES


@dataclass(frozen=True)
class Edit:
    """One write: ``target.<site>[layer, span] = value``."""

    site: Site
    layer: int
    span: Span
    value: Value
    head: int | None = None
    label: str = ""

    @property
    def place(self) -> Read:
        """The place written, as a read of the target."""
        return Read("target", self.site, self.layer, self.span, self.head, self.label)

    def __str__(self) -> str:
        return f"{self.place} = {self.value}"


class _SiteRecorder:
    """``source.attn`` or ``target.attn``: indexing reads, assigning writes."""

    __iter__ = None  # it would go on past the last layer

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
        layer = layer if isinstance(layer, Layer) else Layer(_whole(layer, "a layer", "[j]"))
        n_layers = self._prompt.shape.n_layers
        if not -n_layers <= layer < n_layers:
            raise XTransplantError(
                f"layer {int(layer)} is out of range: the model has layers 0 to {n_layers - 1}"
            )
        return Layer(int(layer) % n_layers, layer.label), LAST if tokens is None else span(tokens)


def _whole(number: Any, what: str, how: str) -> int:
    """A number of a layer or head; True and 1.5 are none, though Python may take them for one."""
    try:
        if not isinstance(number, bool):
            return operator.index(number)
    except TypeError:
        pass
    raise XTransplantError(f"{what} is a whole number, as in {how}, not {number!r:.60}")


class _PromptRecorder:
    """``source`` or ``target`` as a strategy sees it."""

    __slots__ = ("edits", "name", "shape")

    def __init__(self, name: Literal["source", "target"], shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.edits: dict[Read, Edit] = {}

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__slots__:
            return super().__setattr__(name, value)
        raise XTransplantError(
            f"{self.name}.{name} = ... names no layer; write {self.name}.attn[j] = ..."
        )

    def __getattr__(self, site: str) -> _SiteRecorder:
        if site not in self.shape.sites:
            has = ", ".join(self.shape.sites)
            why = _ONLY_SOME.get(site, "")
            raise XTransplantError(f"{self.name}.{site}: this model's sites are {has}{why}")
        return _SiteRecorder(self, site)

    def read(self, site: Site, layer: Layer, tokens: Span, head: int | None) -> Value:
        read = Read(self.name, site, int(layer), tokens, head, layer.label)
        if read in self.edits:
            return self.edits[read].value
        if site == "head" and head is None:
            raise XTransplantError("a read names its head: source.head(3)[i]")
        refuse_certain(self.edits, read, is_read=True)
        return Value(((1.0, read),))

    def write(
        self, site: Site, layer: Layer, tokens: Span, head: int | None, value: Value | float
    ) -> None:
        if self.name == "source":
            raise XTransplantError("source is only read; edits are written to target")
        if site == "head" and head is None:
            raise XTransplantError("an edit names its head: target.head(3)[j] = ...")
        edit = Edit(site, int(layer), tokens, as_value(value), head, layer.label)
        for read in edit.value.reads():
            later = (read.layer, site_order(read.site)) > (edit.layer, site_order(site))
            if read.prompt == "target" and later:
                raise XTransplantError(f"{edit.place} cannot use {read}: it is computed later")
            if (read.site == "head") != (site == "head"):
                raise XTransplantError(
                    f"{edit.place} cannot use {read}: a head is head_dim wide, other sites d_model"
                )
        refuse_certain(self.edits, edit.place, is_read=False)
        self.edits[edit.place] = edit


def record(
    function: Callable[..., None], shape: Shape, i: int, j: int, options: Mapping[str, Any]
) -> tuple[Edit, ...]:
    """The edits that a strategy's function makes for layer pair i→j, in the order it makes them.

    Raises:
        XTransplantError: the function asks for a layer, head or site the model has not, writes to
            the source, uses a value before it is computed, or makes no edit at all.
    """
    source, target = _PromptRecorder("source", shape), _PromptRecorder("target", shape)
    function(source, target, Layer(i, "i"), Layer(j, "j"), **options)
    if not target.edits:
        raise XTransplantError(
            f"strategy {function.__name__} records no edit; "
            f"it should assign to the target, as in: target.attn[j] = source.attn[i]"
        )
    return tuple(target.edits.values())
