"""Run a strategy on recorders instead of a model: what it reads and writes becomes a list of edits.

``source`` and ``target`` look to a strategy like runs of a model. Reading a place gives a symbolic
value, assigning to one records an edit; nothing is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xtransplant.errors import InvalidStrategy, XTransplantError
from xtransplant.sites import SITES, Site, site_order
from xtransplant.strategies.acting import Acting
from xtransplant.strategies.aligned import check_aligned
from xtransplant.strategies.dims import ALL, Dims, parse_dims
from xtransplant.strategies.edits import (
    PREFILL,
    Edit,
    Through,
    When,
    check_edit,
    parse_through,
    parse_when,
    through_of,
)
from xtransplant.strategies.overlap import refuse_certain
from xtransplant.strategies.places import ALIGNED, LAST, MEAN, Layer, Prompt, Read, Span, parse_span
from xtransplant.strategies.shape import Shape, whole_number
from xtransplant.strategies.unfinished import Unfinished
from xtransplant.strategies.values import Value, as_value
from xtransplant.text import nearest

__all__ = ["record"]

# Why a model may lack a site.
_WHY_MISSING: dict[str, str] = {
    "attn_raw": "; attention's output is added as it is, so that it is attn",
    "ffn_raw": "; the feed-forward network's output is added as it is, so that it is ffn",
    "resid_mid": "; its blocks run attention and feed-forward side by side",
    "neurons": "; no layer's feed-forward network has one projection that all its neurons go into",
    "keys": "; no layer has a projection that makes its keys, all of them and nothing else",
    "values": "; no layer has a projection that makes its values, all of them and nothing else",
}


def record(
    function: Callable[..., None],
    shape: Shape,
    i: int,
    j: int,
    options: Mapping[str, Any],
    acting: Acting = Acting(),
) -> tuple[Edit, ...]:
    """The edits that a strategy's function makes for layer pair i→j, in the order it makes them.

    Args:
        function: ``function(source, target, i, j, **options)``.
        shape: of the model that the edits are for.
        i: layer of the source, counted from 0.
        j: layer of the target.
        options: keyword arguments of the function.
        acting: when its edits act, and through what, where it does not say so itself.

    Raises:
        XTransplantError: the function asks for a layer, head or site the model has not, writes to
            the source, uses a value before it is computed, writes at decode steps what these do
            not compute, or makes no edit at all.
    """
    source, target = _PromptRecorder("source", shape, {}), _PromptRecorder("target", shape, {})
    function(source, target.acting(acting), Layer(i, "i"), Layer(j, "j"), **options)
    if not target.edits:
        raise XTransplantError(
            f"strategy {function.__name__} records no edit; "
            f"it should assign to the target, as in: target.attn[j] = source.attn[i]"
        )
    return tuple(target.edits.values())


class _PromptRecorder:
    """``source`` or ``target`` as a strategy sees it: its attributes are the model's sites."""

    __slots__ = ("asked", "edits", "name", "shape", "through", "when")

    def __init__(
        self,
        name: Prompt,
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
        self.asked = Acting()

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__slots__:
            return super().__setattr__(name, value)
        meant = name if name in self.shape.sites else "attn"
        raise InvalidStrategy(
            f"{self.name}.{name} = ... names no layer; write {self.name}.{meant}[j] = ..."
        )

    def __getattr__(self, site: str) -> _SiteRecorder:
        if site not in self.shape.sites:
            if site not in SITES:
                raise InvalidStrategy(
                    f"{self.name}.{site} is no site{nearest(site, SITES)}; the sites are "
                    f"{', '.join(SITES)}"
                )
            has = ", ".join(self.shape.sites)
            why = _WHY_MISSING.get(site, "")
            raise XTransplantError(f"{self.name}.{site}: this model's sites are {has}{why}")
        return _SiteRecorder(self, site)

    @property
    def n_layers(self) -> Layer:
        """How many layers the model has, as in ``source.attn[source.n_layers - 1 - i]``."""
        return Layer(self.shape.n_layers, "n_layers")

    @property
    def n_heads(self) -> int:
        """How many attention heads a layer has, as in ``for h in range(target.n_heads)``."""
        return self.shape.n_heads

    @property
    def mean(self) -> _PromptRecorder:
        """The mean over several source prompts, as in ``source.mean.resid_post[i]``."""
        if self.name != "source":
            raise XTransplantError(f"{self.name}.mean: source.mean alone is there")
        return _PromptRecorder(MEAN, self.shape, self.edits)

    @property
    def aligned(self) -> Span:
        """The tokens of aligned words, as in ``target.attn[j, target.aligned]``."""
        return ALIGNED

    def during(self, when: str = "prefill", *, through: str = "both") -> _PromptRecorder:
        """The same prompt, for edits made at other steps, or let change less than all.

        Args:
            when: see :func:`parse_when`.
            through: see :func:`parse_through`.

        Raises:
            XTransplantError: the source's, or a word that is none.
        """
        if self.name != "target":
            raise XTransplantError("source is read as it is after the prefill; write target.during")
        self.asked.check_free()
        steps, way = parse_when(when), parse_through(through)
        return _PromptRecorder(self.name, self.shape, self.edits, steps, way)

    def acting(self, asked: Acting) -> _PromptRecorder:
        """The same prompt, for a function whose edits are asked for at other steps."""
        found = self.during(asked.when, through=asked.through)
        found.asked = asked
        return found

    def read(self, site: Site, layer: Layer, tokens: Span, which: int | Dims) -> Value:
        """A place's symbolic value, or what was written there before."""
        if isinstance(which, Dims) and which.indices:
            raise XTransplantError(
                f"a read is of the whole vector: {self.name}.{site}[...]; what stands in the "
                f"brackets of target.{site}(...)[...] = says which numbers of it are written"
            )
        head = None if isinstance(which, Dims) else which
        read = Read(self.name, site, int(layer), tokens, head, layer.label)
        if (read, self.when) in self.edits:
            return self.edits[read, self.when].value
        if self.name == MEAN and not tokens.is_one:
            raise XTransplantError(f"{read}: of several source prompts one token each is read")
        if site == "head" and head is None:
            raise InvalidStrategy("a read names its head: source.head(3)[i]")
        return Value(((1.0, read),))

    def write(
        self, site: Site, layer: Layer, tokens: Span, which: int | Dims, value: Value | float
    ) -> None:
        """Record an edit; a later one of the same place takes an earlier one's."""
        head, dims = (None, which) if isinstance(which, Dims) else (which, ALL)
        if self.name != "target":
            raise InvalidStrategy("source is only read; edits are written to target")
        if site == "head" and head is None:
            raise InvalidStrategy("an edit names its head: target.head(3)[j] = ...")
        edit = Edit(
            site, int(layer), tokens, as_value(value), head, layer.label, self.when, self.through,
            dims.indices,
        )  # fmt: skip
        dims.check(edit.place, self.shape.width(site, int(layer)))
        for read in edit.value.reads():
            later = (read.layer, site_order(read.site)) > (edit.layer, site_order(site))
            if read.prompt == "target" and later:
                raise XTransplantError(f"{edit.place} cannot use {read}: it is computed later")
        self.shape.check_widths(edit)
        check_edit(edit)
        check_aligned(edit)
        key = (edit.place, edit.when)
        others = [one for where, one in self.edits.items() if where != key]
        refuse_certain(others, edit)
        through_of([*others, edit])
        self.edits[key] = edit


class _SiteRecorder(Unfinished):
    """``source.attn`` or ``target.attn``: indexing reads, assigning writes."""

    __iter__ = None  # Python would index 0, 1, ... past the last layer

    def __init__(self, prompt: _PromptRecorder, site: Site, which: int | Dims = ALL) -> None:
        self._prompt, self._site, self._which = prompt, site, which

    @property
    def finished(self) -> str:
        """It at a layer."""
        which = f"({self._which})" if isinstance(self._which, int) else ""
        layer = "i" if self._prompt.name != "target" else "j"
        return f"{self._prompt.name}.{self._site}{which}[{layer}]"

    def __call__(self, *which: Any) -> _SiteRecorder:
        """One head of site ``head``; of another site, the numbers of its vector to write."""
        if self._site != "head":
            dims = parse_dims(which, f"{self._prompt.name}.{self._site}(...)")
            return _SiteRecorder(self._prompt, self._site, dims)
        head = whole_number(which[0] if len(which) == 1 else which, "a head", "head(3)")
        n_heads = self._prompt.shape.n_heads
        if not -n_heads <= head < n_heads:
            raise XTransplantError(
                f"head {head} is out of range: the model has heads 0 to {n_heads - 1}"
            )
        return _SiteRecorder(self._prompt, self._site, head % n_heads)

    def __getitem__(self, key: Any) -> Value:
        return self._prompt.read(self._site, *self._place(key), self._which)

    def __setitem__(self, key: Any, value: Value | float) -> None:
        self._prompt.write(self._site, *self._place(key), self._which, value)

    def _place(self, key: Any) -> tuple[Layer, Span]:
        if isinstance(key, tuple) and len(key) != 2:
            raise XTransplantError(
                f"{self._prompt.name}.{self._site}[...] takes a layer, and tokens after a comma, "
                f"as in [j] or [j, -3:], not {len(key)} values"
            )
        layer, tokens = key if isinstance(key, tuple) else (key, None)
        span = LAST if tokens is None else parse_span(tokens)
        return self._prompt.shape.find_layer(self._prompt.name, self._site, layer), span
