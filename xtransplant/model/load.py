"""Load a causal language model from the Hugging Face hub or a folder, wrapped by nnsight."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from nnsight import TransformersModel
from transformers import AutoConfig, AutoTokenizer

from xtransplant.backends.local import Local
from xtransplant.backends.protocol import Backend
from xtransplant.compat.nnsight import module_of
from xtransplant.errors import XTransplantError
from xtransplant.model.devices import check_device_map
from xtransplant.model.distributed import distributed_config, ranks
from xtransplant.model.families import Family, Place
from xtransplant.model.resolve import block_modules, resolve_family
from xtransplant.model.tokenizer import Beginning, beginning_of
from xtransplant.sites import SITES, Site

__all__ = ["DTYPES", "Model", "SitePath", "Window", "load"]

DTypeName = Literal["auto", "float32", "float16", "bfloat16", "float64"]
_LAYER_TYPES = ("full_attention", "sliding_attention", "chunked_attention")
DTYPES: tuple[str, ...] = get_args(DTypeName)
_TASK = "text-generation"
_LOGGER = logging.getLogger("xtransplant")


@dataclass(frozen=True)
class SitePath:
    """Where one site of one layer is read and written.

    Attributes:
        path: module path from the model's root.
        side: ``"input"`` or ``"output"`` of that module.
        scale: what the value is multiplied by on its way to the residual stream.
    """

    path: str
    side: Literal["input", "output"]
    scale: float = 1.0


@dataclass(frozen=True)
class Window:
    """How far back a layer looks: ``sliding`` positions, or to the start of its ``chunk``."""

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
        n_layers, d_model, n_heads, head_dim: its shape (``head_dim`` of what reaches the
            output projection).
        n_ranks: how many processes each of its layers is split over.
    """

    nn: TransformersModel = field(repr=False)
    tokenizer: Any = field(repr=False)
    family: Family = field(repr=False)
    name: str
    revision: str | None
    n_layers: int
    d_model: int
    n_heads: int
    head_dim: int
    beginning: Beginning = field(repr=False)
    backend: Backend = field(default=Local(), repr=False)
    n_ranks: int = 1

    @property
    def module(self) -> Any:
        """The unchanged transformers model inside the nnsight wrapper."""
        return module_of(self.nn)

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
        """Keyword arguments for ``nn.session(...)``, so that it runs where the model is.

        Args:
            asked: as :meth:`Backend.session` takes it.
        """
        return self.backend.session(self.nn, self.name, asked)

    @property
    def parallel(self) -> bool:
        """Whether attention and feed-forward read the same input, so there is no resid_mid."""
        return _flag(self.family.parallel, self.config)

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites this model has."""
        missing = {"resid_mid": self.parallel}
        missing |= {name: place is None for name, place in _raw(self.family).items()}
        return tuple(site for site in SITES if not missing.get(site))

    @property
    def unpackable(self) -> str:
        """Why variants cannot share a sequence, as the family has it; empty if they may."""
        if _flag(self.family.alibi, self.config):
            return "ALiBi counts distance in columns, which packing does not keep"
        if unknown := sorted(set(_layer_types(self)) - set(_LAYER_TYPES)):
            return f"layers of type {', '.join(unknown)} do not take a mask of who sees whom"
        return ""

    @cached_property
    def windows(self) -> dict[str, Window]:
        """How far back each type of layer looks; one type if all look alike."""
        sliding = Window(sliding=getattr(self.config, "sliding_window", None))
        if self.family.windows == "full":
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

    def site(self, site: Site, layer: int) -> SitePath:
        """Where a site of a layer is; ``resid_mid`` is no module's: it is ``resid_pre + attn``.

        Raises:
            KeyError: a site that the model has not.
        """
        block = f"{self.family.layers}.{layer}"
        scale = 1.0
        places: dict[str, Place] = {
            "attn": self.family.attn,
            "ffn": self.family.ffn,
            "head": self.family.head,
            "resid_pre": Place("", "input"),
            "resid_post": Place("", "output"),
            **{name: place for name, place in _raw(self.family).items() if place is not None},
        }
        if site in ("attn", "ffn") and self.family.scale:
            scale = float(getattr(self.config, self.family.scale))
        place = places[site]
        return SitePath(f"{block}.{place.module}".rstrip("."), place.side, scale)


def load(
    name_or_path: str | Path,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    device_map: str | None = None,
    trust_remote_code: bool = False,
    attn_implementation: str | None = None,
    family: str | Family | Path | None = None,
    tensor_parallel: bool = False,
    check: bool = True,
    backend: Backend = Local(),
    add_bos: bool = False,
) -> Model:
    """Load a checkpoint with its tokenizer and find its sites.

    Args:
        name_or_path: a repository of the Hugging Face hub, or a folder.
        revision: branch, tag or commit.
        dtype: ``auto`` (as the checkpoint says), ``float32``, ``float16``, ``bfloat16``,
            ``float64``.
        device_map: as transformers takes it, such as ``auto`` or ``cuda:0``; CPU by default.
        trust_remote_code: run Python code that comes with the checkpoint.
        attn_implementation: ``sdpa``, ``eager``, ...; the model's own choice by default.
        family: the layout of the blocks where the table has none: a known family's name, a
            :class:`Family`, or the path of a JSON file with its fields.
        tensor_parallel: split each layer over the processes that ``torchrun`` started; every one
            of them has to make the same calls.
        check: hold the loaded model to its sites (one forward pass of a few tokens).
        backend: where its traces run. If that is not in this process, only the model's
            configuration and tokenizer are loaded, and its sites are checked by their names alone.
        add_bos: put the checkpoint's beginning-of-sequence token before every prompt that does
            not begin with it. Where the family was trained with it throughout and the tokenizer
            adds none, the logger ``xtransplant`` warns.

    Raises:
        XTransplantError: no such model or device, no network, no access, a format other than
            safetensors, weights that are missing or of other shapes, an unknown family, sites that
            are not what the table says, or ``add_bos`` where it would change nothing.
    """
    from xtransplant.model.check import check_sites
    from xtransplant.model.failures import explain
    from xtransplant.model.weights import read_weights

    name = str(name_or_path)
    if dtype not in DTYPES:
        raise XTransplantError(f"unknown dtype {dtype!r}; choose {', '.join(DTYPES)}")
    if device_map is not None and backend.in_process:
        check_device_map(device_map)
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        # The table is asked first: an unknown family is said before gigabytes are read.
        found = resolve_family(family, config, name)
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        begins = beginning_of(config.get_text_config(), tokenizer, name, add_bos=add_bos)
        options["dtype"] = dtype if dtype == "auto" else getattr(torch, dtype)
        if attn_implementation is not None:
            options["attn_implementation"] = attn_implementation
        if not backend.in_process:
            nn = TransformersModel(name, task=_TASK, tokenizer=tokenizer, **options)
        else:
            if tensor_parallel:
                options["distributed_config"] = distributed_config(config)
            if device_map is not None:
                options["device_map"] = device_map
            nn = TransformersModel(read_weights(name, **options), task=_TASK, tokenizer=tokenizer)
    except XTransplantError:
        raise
    except Exception as error:
        raise explain(error, name, trust_remote_code) from error
    module_of(nn).eval().requires_grad_(False)
    model = _describe(nn, tokenizer, found, name, revision, backend, begins)
    if begins.missing:
        _LOGGER.warning("%s: %s", name, begins.note)
    if tensor_parallel:
        model = replace(model, n_ranks=ranks())
    if check and backend.in_process:
        check_sites(model)
    return model


def _describe(
    nn: TransformersModel,
    tokenizer: Any,
    family: Family,
    name: str,
    revision: str | None,
    backend: Backend,
    begins: Beginning,
) -> Model:
    module = module_of(nn)
    config = module.config.get_text_config()
    try:
        blocks = list(module.get_submodule(family.layers))
        for block, place in product(
            blocks, (family.attn, family.ffn, family.head, *_raw(family).values())
        ):
            if place is not None:
                block.get_submodule(place.module)
        width = _width(blocks[0].get_submodule(family.head.module), family.head.side)
        n_heads, d_model = int(config.num_attention_heads), int(config.hidden_size)
    except (AttributeError, TypeError, IndexError) as error:
        raise XTransplantError(
            f"{name} is not laid out as its family's table says: {error}; its modules are "
            f"{block_modules(module)}; pass a table that names them: --family FILE.json "
            "(docs/families.md), in Python family=Family(...)"
        ) from error
    return Model(
        nn, tokenizer, family, name, revision,
        n_layers=len(blocks), d_model=d_model, n_heads=n_heads, head_dim=width // n_heads,
        beginning=begins, backend=backend,
    )  # fmt: skip


def _width(projection: torch.nn.Module, side: str) -> int:
    """How many numbers go into or come out of a projection: a Linear, or GPT-2's Conv1D."""
    names = ("in_features", "nx") if side == "input" else ("out_features", "nf")
    found = [getattr(projection, name) for name in names if hasattr(projection, name)]
    if not found:
        raise TypeError(f"the head's module is a {type(projection).__name__}, not a projection")
    return int(found[0])


def _layer_types(model: Model) -> list[str]:
    """The kinds of attention that the configuration lists, where the family goes by them."""
    return list(model.config.layer_types) if model.masks_by_layer_type else []


def _raw(family: Family) -> dict[str, Place | None]:
    """Places of what modules return before it is normed, for the families that do."""
    return {"attn_raw": family.attn_raw, "ffn_raw": family.ffn_raw}


def _flag(value: bool | str, config: Any) -> bool:
    """A yes or no of the table, or of the configuration's field that the table names."""
    return bool(getattr(config, value, False)) if isinstance(value, str) else value
