"""A loaded model: its sites, shape, precision and attention windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from inspect import signature
from typing import Any, Literal

import torch
from nnsight import TransformersModel

from xtransplant.backends.local import Local
from xtransplant.backends.protocol import Backend
from xtransplant.compat.nnsight import module_of
from xtransplant.model.families import Family
from xtransplant.model.head import Head, find_head
from xtransplant.model.layers import LayerShape, factor_of, part_paths, sites_of
from xtransplant.model.tokenizer import Beginning
from xtransplant.sites import SITES, WIDTHS, Site, bank_of

__all__ = ["Model", "SitePath", "Window"]

_LAYER_TYPES = ("full_attention", "sliding_attention", "chunked_attention")


@dataclass(frozen=True)
class SitePath:
    """Where one site of one layer is read and written.

    Attributes:
        path: module path from the model's root.
        side: ``"input"`` or ``"output"`` of that module.
        scale: what the value is multiplied by on its way to the residual stream.
        plus: path and scale of modules that run before it and whose outputs add up with its own.
    """

    path: str
    side: Literal["input", "output"]
    scale: float = 1.0
    plus: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Window:
    """Which earlier positions a layer attends to: all of them unless one of these is set.

    Attributes:
        sliding: the last so many, the token's own included.
        chunk: those since the last multiple of so many.
    """

    sliding: int | None = None
    chunk: int | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model that knows its sites.

    Attributes:
        nn: the nnsight wrapper around :attr:`module`.
        tokenizer: the checkpoint's tokenizer.
        family: the layout of its blocks.
        name: repository or folder it was loaded from.
        revision: commit or branch asked for, if any.
        beginning: how its prompts begin.
        backend: where its traces run; its weights are here if that is in this process.
        shapes: what each of its layers is.
        d_model: width of the residual stream.
        n_heads: heads of each attention layer.
        world_size: how many processes each of its layers is split over; 1 where it is in one.
    """

    nn: TransformersModel = field(repr=False)
    tokenizer: Any = field(repr=False)
    family: Family = field(repr=False)
    name: str
    revision: str | None
    shapes: tuple[LayerShape, ...] = field(repr=False)
    d_model: int
    n_heads: int
    beginning: Beginning = field(repr=False)
    backend: Backend = field(default=Local(), repr=False)
    world_size: int = 1

    @property
    def module(self) -> Any:
        """The unchanged transformers model inside the nnsight wrapper."""
        return module_of(self.nn)

    @property
    def n_layers(self) -> int:
        """How many layers it has."""
        return len(self.shapes)

    @cached_property
    def head_dims(self) -> tuple[int, ...]:
        """Per layer, how wide what a head hands to the output projection is; 0 without heads."""
        return tuple(shape.head_dim for shape in self.shapes)

    @property
    def head_dim(self) -> int:
        """Width of the widest layer's heads."""
        return max(self.head_dims)

    @cached_property
    def bank_widths(self) -> tuple[int, ...]:
        """Of each of :data:`xtransplant.sites.WIDTHS` the widest layer's; 0 where none has it."""
        widest = [self.d_model, *[0] * (len(WIDTHS) - 1)]
        for shape in self.shapes:
            for site, width in shape.widths.items():
                widest[bank_of(site)] = max(widest[bank_of(site)], width)
        return tuple(widest)

    def width(self, site: Site, layer: int) -> int:
        """How wide a site of a layer is; of ``head`` one head."""
        return self.shapes[layer].widths.get(site, self.d_model)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Per layer, the kind of its mixer; empty texts where all layers are alike."""
        return tuple(shape.kind for shape in self.shapes)

    @property
    def config(self) -> Any:
        """The text part of the checkpoint's configuration."""
        return self.module.config.get_text_config()

    @property
    def device(self) -> torch.device:
        """Where inputs are made: with the weights, or on the CPU if these are elsewhere."""
        if not self.backend.in_process:
            return torch.device("cpu")
        return self.module.device  # type: ignore[no-any-return]

    @property
    def devices(self) -> tuple[torch.device, ...]:
        """Every device that some of its weights are on; where none is in memory, the first's."""
        found = {weights.device for weights in self.module.parameters()}
        found = {device for device in found if device.type != "meta"} or {self.device}
        return tuple(sorted(found, key=str))

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self.module.dtype  # type: ignore[no-any-return]

    @property
    def bank_dtype(self) -> torch.dtype:
        """Precision that activations are combined in: float32, or float64 where the model is."""
        return torch.float64 if self.dtype == torch.float64 else torch.float32

    @property
    def vocab_size(self) -> int:
        """Number of token ids that the model embeds."""
        return int(self.config.vocab_size)

    def session(self, *asked: Any) -> dict[str, Any]:
        """Keyword arguments for ``nn.session(...)``, so that it runs on the backend.

        Of what a session saves, only the variable ``found`` comes back from another process.

        Args:
            *asked: all that the session depends on besides the model and the code in it, so that
                a server's job is recognised as the same work.
        """
        return self.backend.session(self.nn, self.name, asked)

    @property
    def parallel(self) -> bool:
        """Whether attention and feed-forward read the same input, so there is no resid_mid."""
        return _flag(self.family.parallel, self.config)

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites this model has, in some layer at least."""
        has = {site for layer in range(self.n_layers) for site in self.sites_at(layer)}
        return tuple(site for site in SITES if site in has)

    def sites_at(self, layer: int) -> tuple[Site, ...]:
        """The sites of a layer."""
        block, streams = self.shapes[layer].block, bool(self.family.streams)
        return sites_of(block, parallel=self.parallel, streams=streams)

    def layers_with(self, site: Site) -> tuple[int, ...]:
        """The layers that have a site."""
        return tuple(k for k in range(self.n_layers) if site in self.sites_at(k))

    @property
    def unpackable(self) -> str:
        """Why variants cannot share a sequence, as the family has it; empty if they may."""
        if kinds := sorted({one.kind for one in self.shapes if one.block.recurrent}):
            of_type = f" of type {', '.join(kinds)}" if any(kinds) else ""
            return f"layers{of_type} carry a state from token to token, which packing cannot split"
        if _flag(self.family.alibi, self.config):
            return "ALiBi counts distance in columns, which packing does not keep"
        if self.family.windows == "in_columns":
            return "its windows count distance in columns, which packing does not keep"
        if unknown := sorted(set(_layer_types(self)) - set(_LAYER_TYPES)):
            return f"layers of type {', '.join(unknown)} do not take a mask of who sees whom"
        return ""

    @property
    def last_start(self) -> int:
        """The last layer at which a variant may join a packed sequence.

        Later layers may take over keys and values of earlier ones (``num_kv_shared_layers``), of
        the last of their type that has its own: a variant has to have some there.
        """
        shared = getattr(self.config, "num_kv_shared_layers", None) or 0
        if not shared:
            return self.n_layers - 1
        own = self.window_kinds[: self.n_layers - shared]
        return min(max(k for k, one in enumerate(own) if one == kind) for kind in set(own))

    @cached_property
    def windows(self) -> dict[str, Window]:
        """How far back each type of layer looks; one type if all look alike."""
        sliding = Window(sliding=getattr(self.config, "sliding_window", None))
        if self.family.windows in ("full", "in_columns"):
            return {"full_attention": Window()}
        if self.family.windows == "sliding":
            return {"sliding_attention": sliding}
        by_type = {
            "full_attention": Window(),
            "sliding_attention": sliding,
            "chunked_attention": Window(chunk=getattr(self.config, "attention_chunk_size", None)),
        }
        # A model may ask for the full mask though none of its layers does.
        kinds = {"full_attention", *_layer_types(self)}
        return {kind: by_type[kind] for kind in _LAYER_TYPES if kind in kinds}

    @cached_property
    def window_kinds(self) -> tuple[str, ...]:
        """Per layer, its key in :attr:`windows`."""
        if self.masks_by_layer_type:
            return tuple(_layer_types(self))
        return tuple(self.windows) * self.n_layers

    @property
    def masks_by_layer_type(self) -> bool:
        """Whether the model takes a dict of attention masks."""
        return self.family.windows == "by_layer_type"

    @cached_property
    def keeps_logits(self) -> bool:
        """Whether the model's forward takes ``logits_to_keep``."""
        return "logits_to_keep" in signature(self.module.forward).parameters

    @cached_property
    def head(self) -> Head | None:
        """Its vocabulary projection, where a few ids at a time can be projected; else None.

        Found by a pass over one token, so not to be asked for the first time within another pass.
        """
        if not self.backend.in_process or self.world_size > 1:
            return None
        return find_head(self.module, self.config, self.device)

    def site(self, site: Site, layer: int) -> SitePath:
        """Where a site of a layer is; ``resid_mid`` is no module's: it is ``resid_pre + attn``.

        Raises:
            KeyError: a site that the layer has not.
            XTransplantError: a factor that the table names is nowhere.
        """
        place, config = self.shapes[layer].block.places[site], self.config
        block = f"{self.family.layers}.{layer}"
        module = self.module.get_submodule(block)
        named = self.family.scale if site in ("attn", "ffn") else ""
        every = factor_of(named, config, module)
        return SitePath(
            f"{block}.{place.module}".rstrip("."),
            place.side,
            every * factor_of(place.scale, config, module),
            tuple((path, every * own) for path, own in part_paths(place, block, module, config)),
        )


def _layer_types(model: Model) -> list[str]:
    """Per layer the kind of attention that the configuration lists; empty if it lists none."""
    return list(model.config.layer_types) if model.masks_by_layer_type else []


def _flag(value: bool | str, config: Any) -> bool:
    """A flag of the table; a text names the field of the configuration that holds it."""
    return bool(getattr(config, value, False)) if isinstance(value, str) else value
