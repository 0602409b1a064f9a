"""Load a causal language model from the Hugging Face hub or a folder, wrapped by nnsight."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, get_args

import torch
from nnsight import TransformersModel
from transformers import AutoTokenizer

from xtransplant.backends.local import Local
from xtransplant.backends.protocol import Backend
from xtransplant.backends.registry import open_backend, parse_on
from xtransplant.compat.nnsight import module_of
from xtransplant.errors import XTransplantError
from xtransplant.model.check import check_sites
from xtransplant.model.checkpoint import Checkpoint, check_gguf, find_checkpoint
from xtransplant.model.devices import check_device_map
from xtransplant.model.distributed import distributed_config, world_size
from xtransplant.model.failures import explain
from xtransplant.model.families import Family
from xtransplant.model.gguf import honour_file, model_options, plain, read_config, reading
from xtransplant.model.guess import block_modules
from xtransplant.model.layers import layer_shapes
from xtransplant.model.model import Model
from xtransplant.model.quantization import check_quantization, quantization_options
from xtransplant.model.quiet import quiet
from xtransplant.model.resolve import resolve_family
from xtransplant.model.tokenizer import Beginning, beginning_of
from xtransplant.model.weights import read_weights

__all__ = ["DTYPES", "LoadOptions", "load"]

DTypeName = Literal["auto", "float32", "float16", "bfloat16", "float64"]
DTYPES: tuple[str, ...] = get_args(DTypeName)
_TASK = "text-generation"
_LOGGER = logging.getLogger("xtransplant")


class LoadOptions(TypedDict, total=False):
    """Less common keywords of :func:`load`; without one it is off, or the model's own choice.

    Attributes:
        trust_remote_code: run Python code that comes with the checkpoint.
        attn_implementation: ``sdpa``, ``eager``, ...
        tensor_parallel: split each layer over torchrun's processes, which make the same calls.
        add_bos: put the checkpoint's beginning-of-sequence token before every prompt without it.
            If the family was trained with it and the tokenizer adds none, a warning is logged.
        gguf_file: name of a GGUF file in the folder or repository; it is dequantized.
        quantization: ``bnb-4bit`` or ``bnb-8bit``: weights in so many bits.
    """

    trust_remote_code: bool
    attn_implementation: str | None
    tensor_parallel: bool
    add_bos: bool
    gguf_file: str | None
    quantization: str | None


def load(
    name_or_path: str | Path,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    device_map: str | None = None,
    family: str | Family | Path | None = None,
    check: bool = True,
    backend: Backend | str = Local(),
    **rare: Unpack[LoadOptions],
) -> Model:
    """Load a checkpoint with its tokenizer and find its sites, without transformers' own lines.

    Args:
        name_or_path: a repository of the hub, a folder, a ``.gguf`` file, or ``babel``.
        revision: branch, tag or commit.
        dtype: one of :data:`DTYPES`; ``auto`` is as the checkpoint says.
        device_map: as transformers takes it, such as ``auto`` or ``cuda:0``; CPU by default.
        family: the layout of the blocks where the table has none: a known family's name, a
            :class:`Family`, its fields as JSON, or the path of a JSON file with them.
        check: check the loaded model's sites against the table (one short pass).
        backend: where its traces run, or ``--on``'s text, ``"ndif"``; elsewhere sites go by name.
        **rare: less common ones: see :class:`LoadOptions`.

    Raises:
        XTransplantError: no such model or device, no network or access, incomplete weights, an
            unknown family, sites that are not as its table says, or ``add_bos`` changes nothing.
        TypeError: another keyword.
    """
    _check_rare(rare)
    backend = open_backend(parse_on(backend)) if isinstance(backend, str) else backend
    trusted, split = rare.get("trust_remote_code", False), rare.get("tensor_parallel", False)
    checkpoint = _find(name_or_path, backend, rare)
    name, own = str(checkpoint), _own_options(dtype, rare.get("attn_implementation"))
    if device_map is not None and backend.in_process:
        check_device_map(device_map)
    options = {"revision": revision, "trust_remote_code": trusted, **checkpoint.options}
    try:
        with quiet():
            config = read_config(checkpoint, revision, trusted=trusted)
        found = resolve_family(family, config, name)
        with quiet(), reading(checkpoint):
            tokenizer = AutoTokenizer.from_pretrained(checkpoint.place, **options)
            honour_file(checkpoint, revision, config, tokenizer)
            text, asked = config.get_text_config(), rare.get("add_bos", False)
            begins = beginning_of(text, tokenizer, name, add_bos=asked)
            own |= _placement(config, device_map, rare) if backend.in_process else {}
            own |= model_options(checkpoint, config)
            nn = _wrap(checkpoint, tokenizer, options | own, config, backend)
    except XTransplantError:
        raise
    except Exception as error:
        raise explain(error, name, trusted) from error
    described = _describe(nn, tokenizer, found, name, revision, backend, begins)
    model = replace(described, world_size=world_size() if split else 1)
    if begins.missing:
        _LOGGER.warning("%s: %s", name, begins.note)
    if check and backend.in_process:
        check_sites(model)
    return model


def _check_rare(rare: LoadOptions) -> None:
    if unknown := rare.keys() - LoadOptions.__optional_keys__:
        raise TypeError(f"load() got an unexpected keyword argument {min(unknown)!r}")


def _find(name: str | Path, backend: Backend, rare: LoadOptions) -> Checkpoint:
    """Where a checkpoint lies.

    Raises:
        XTransplantError: no such file, or it cannot be loaded in the way that is asked for.
    """
    checkpoint, split = find_checkpoint(name, rare.get("gguf_file")), rare.get("tensor_parallel")
    check_gguf(checkpoint, backend, tensor_parallel=bool(split))
    check_quantization(rare.get("quantization"), checkpoint, backend, tensor_parallel=bool(split))
    return checkpoint


def _own_options(dtype: str, attn_implementation: str | None) -> dict[str, Any]:
    """Options of ``from_pretrained`` that only the model takes.

    Raises:
        XTransplantError: an unknown dtype.
    """
    if dtype not in DTYPES:
        raise XTransplantError(f"unknown dtype {dtype!r}; choose {', '.join(DTYPES)}")
    options: dict[str, Any] = {"dtype": dtype if dtype == "auto" else getattr(torch, dtype)}
    if attn_implementation is not None:
        options["attn_implementation"] = attn_implementation
    return options


def _placement(config: Any, device_map: str | None, rare: LoadOptions) -> dict[str, Any]:
    """Options of ``from_pretrained`` that say where the weights go, and in how many bits.

    Raises:
        XTransplantError: there is one process to split them over.
        ValueError: there are too many.
    """
    options = quantization_options(rare.get("quantization"))
    if rare.get("tensor_parallel", False):
        options["distributed_config"] = distributed_config(config)
    if device_map is not None:
        options["device_map"] = device_map
    return options


def _wrap(
    checkpoint: Checkpoint, tokenizer: Any, options: dict[str, Any], config: Any, backend: Backend
) -> TransformersModel:
    """The nnsight wrapper, in evaluation mode and without gradients of weights.

    Args:
        checkpoint: where it lies.
        tokenizer: the checkpoint's.
        options: as ``from_pretrained`` takes them.
        config: the checkpoint's.
        backend: where it runs; elsewhere than here its modules alone are built, on the meta device.
    """
    what, more = checkpoint.place, {k: v for k, v in options.items() if k != "gguf_file"}
    if backend.in_process:
        what, more = plain(read_weights(what, config.model_type, **options), checkpoint), {}
    nn = TransformersModel(what, task=_TASK, tokenizer=tokenizer, **more)
    module_of(nn).eval().requires_grad_(False)
    return nn


def _describe(
    nn: TransformersModel,
    tokenizer: Any,
    family: Family,
    name: str,
    revision: str | None,
    backend: Backend,
    begins: Beginning,
) -> Model:
    """The model with its shape, read off its modules.

    Raises:
        XTransplantError: modules that the family's table names are not there.
    """
    module = module_of(nn)
    config = module.config.get_text_config()
    try:
        shapes = layer_shapes(family, config, list(module.get_submodule(family.layers)))
        n_heads = int(config.num_attention_heads) if any(one.head_dim for one in shapes) else 0
        d_model = int(config.hidden_size)
    except (AttributeError, TypeError, ValueError) as error:
        raise XTransplantError(
            f"{name} is not laid out as its family's table says: {error}; its modules are "
            f"{block_modules(module)}; pass a table that names them: --family FILE.json "
            "(docs/families.md), in Python family=Family(...)"
        ) from error
    return Model(
        nn, tokenizer, family, name, revision,
        shapes=shapes, d_model=d_model, n_heads=n_heads, beginning=begins, backend=backend,
    )  # fmt: skip
