"""What a strategy may ask of a model: its layers, heads and sites, and how wide these are."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xtransplant.errors import MissingSite, XTransplantError
from xtransplant.sites import SITES, WIDTHS, Site, bank_of
from xtransplant.strategies.edits import Edit
from xtransplant.strategies.places import Layer

__all__ = ["Shape", "whole_number"]


@dataclass(frozen=True)
class Shape:
    """What a strategy may ask of the model.

    Attributes:
        n_layers, n_heads: number of blocks, and of attention heads in each.
        sites: the sites this model has, in some layer at least.
        layers: of each site that not every layer has, those that have it.
        kinds: per layer what kind of mixer it has; empty where nothing depends on it.
        d_model: width of the residual stream; 0 where it is not known.
        widths: per layer how wide each other site is, of ``head`` one head; 0 where it has none.
    """

    n_layers: int
    n_heads: int
    sites: tuple[Site, ...] = SITES
    layers: Mapping[Site, tuple[int, ...]] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    d_model: int = 0
    widths: Mapping[Site, Sequence[int]] = field(default_factory=dict)

    def width(self, site: Site, layer: int) -> int:
        """How wide a site of a layer is; 0 where it is not known."""
        return self.widths[site][layer] if site in self.widths else self.d_model

    def find_layer(self, prompt: str, site: Site, layer: Any) -> Layer:
        """The layer that a strategy asks for; a number below 0 counts from the last one.

        What is computed from ``i`` or ``j`` does not: ``j - 1`` of the first layer is no layer.

        Raises:
            MissingSite: the model has no such layer, or the layer has not the site.
            XTransplantError: no whole number.
        """
        derived = isinstance(layer, Layer)
        asked = layer if derived else Layer(whole_number(layer, "a layer", "[j]"))
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
        """Refuse an edit that uses what is wider or narrower than what it writes.

        Raises:
            XTransplantError: a tensor, or a site of another kind of width, whatever the layers.
            MissingSite: a layer where the site is not as wide.
        """
        width, kind = self.width(edit.site, edit.layer), bank_of(edit.site)
        for fixed in edit.value.fixed():
            if width and fixed.width not in (None, width):
                raise XTransplantError(
                    f"{edit.place} is {width} wide and {fixed} is {fixed.width}; was it made for "
                    "another model or site?"
                )
        for read in edit.value.reads():
            own = self.width(read.site, read.layer)
            if bank_of(read.site) != kind:
                raise XTransplantError(
                    f"{edit.place} cannot use {read}: {read.site} is "
                    f"{WIDTHS[bank_of(read.site)]} wide, {edit.site} {WIDTHS[kind]}"
                )
            if width != own:
                raise MissingSite(
                    f"{edit.place} cannot use {read}: {edit.site} is {width} wide there and "
                    f"{read.site} {own} here"
                )


def whole_number(number: Any, what: str, how: str) -> int:
    """A number of a layer or head; True and 1.5 are none, though Python may take them for one."""
    try:
        if not isinstance(number, bool):
            return operator.index(number)
    except TypeError:
        pass
    raise XTransplantError(f"{what} is a whole number, as in {how}, not {number!r:.60}")
