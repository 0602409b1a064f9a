"""Load a causal language model from the Hugging Face hub or a folder, wrapped by nnsight."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from nnsight import TransformersModel
from transformers import AutoConfig, AutoTokenizer

from xtransplant.errors import XTransplantError
from xtransplant.model.families import FAMILIES, SITES, Family, Place, Site

__all__ = ["DTYPES", "Model", "SitePath", "Window", "load"]

DTypeName = Literal["auto", "float32", "float16", "bfloat16", "float64"]
DTYPES: tuple[str, ...] = get_args(DTypeName)


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
        nn: the nnsight wrapper; ``nn._module`` is the unchanged transformers model.
        tokenizer: the checkpoint's tokenizer.
        family: the layout of its blocks.
        name: repository or folder it was loaded from.
        revision: commit or branch asked for, if any.
        n_layers, d_model, n_heads, head_dim: its shape (``head_dim`` of what reaches the
            output projection).
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

    @property
    def config(self) -> Any:
        """The text part of the checkpoint's configuration."""
        return self.nn._module.config.get_text_config()

    @property
    def device(self) -> torch.device:
        """Where the inputs go."""
        return self.nn._module.device  # type: ignore[no-any-return]

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return self.nn._module.dtype  # type: ignore[no-any-return]

    @property
    def bank_dtype(self) -> torch.dtype:
        """Precision that activations are combined in: float32, or float64 where the model is."""
        return torch.float64 if self.dtype == torch.float64 else torch.float32

    @property
    def vocab_size(self) -> int:
        """Number of token ids that the model embeds."""
        return int(self.config.vocab_size)

    @property
    def parallel(self) -> bool:
        """Whether attention and feed-forward read the same input, so there is no resid_mid."""
        return _flag(self.family.parallel, self.config)

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites this model has."""
        return tuple(site for site in SITES if site != "resid_mid" or not self.parallel)

    @property
    def unpackable(self) -> str:
        """Why variants cannot share a sequence, as the family has it; empty if they may."""
        alibi = _flag(self.family.alibi, self.config)
        return "ALiBi counts distance in columns, which packing does not keep" if alibi else ""

    @cached_property
    def windows(self) -> dict[str, Window]:
        """How far back each type of layer looks; one type if all look alike."""
        config = self.config
        if self.family.windows == "full":
            return {"full_attention": Window()}
        sliding = Window(sliding=getattr(config, "sliding_window", None))
        if self.family.windows == "sliding":
            return {"sliding_attention": sliding}
        by_type = {
            "full_attention": Window(),
            "sliding_attention": sliding,
            "chunked_attention": Window(chunk=getattr(config, "attention_chunk_size", None)),
        }
        return {kind: by_type[kind] for kind in sorted({"full_attention", *config.layer_types})}

    @property
    def decoder(self) -> str:
        """Path of the module that holds the blocks."""
        return self.family.layers.rpartition(".")[0]

    @property
    def masks_by_layer_type(self) -> bool:
        """Whether the model takes a dict of attention masks."""
        return self.family.windows == "by_layer_type"

    @cached_property
    def keeps_logits(self) -> bool:
        """Whether the model's forward takes ``logits_to_keep``."""
        return "logits_to_keep" in signature(self.nn._module.forward).parameters

    def site(self, site: Site, layer: int) -> SitePath:
        """Where a site of a layer is; ``resid_mid`` is no module's: it is ``resid_pre + attn``."""
        block = f"{self.family.layers}.{layer}"
        scale = 1.0
        places: dict[str, Place] = {
            "attn": self.family.attn,
            "ffn": self.family.ffn,
            "head": self.family.head,
            "resid_pre": Place("", "input"),
            "resid_post": Place("", "output"),
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
    check: bool = True,
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
        check: hold the loaded model to its sites (three forward passes of a few tokens).

    Raises:
        XTransplantError: no such model, no network, no access, a format other than safetensors,
            an unknown family, or sites that are not what the table says.
    """
    from xtransplant.model.check import check_sites
    from xtransplant.model.failures import explain

    name = str(name_or_path)
    if dtype not in DTYPES:
        raise XTransplantError(f"unknown dtype {dtype!r}; choose {', '.join(DTYPES)}")
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        # The table is asked first: an unknown family is said before gigabytes are read.
        found = _family(family, config.model_type, name)
        extra = {"device_map": device_map, "attn_implementation": attn_implementation}
        nn = TransformersModel(
            name,
            task="text-generation",
            tokenizer=tokenizer,
            dispatch=True,
            dtype=dtype if dtype == "auto" else getattr(torch, dtype),
            use_safetensors=True,
            **options,
            **{key: value for key, value in extra.items() if value is not None},
        )
    except XTransplantError:
        raise
    except Exception as error:
        raise explain(error, name, trust_remote_code) from error
    nn._module.eval().requires_grad_(False)
    model = _describe(nn, tokenizer, found, name, revision)
    if check:
        check_sites(model)
    return model


def _describe(
    nn: TransformersModel, tokenizer: Any, family: Family, name: str, revision: str | None
) -> Model:
    module = nn._module
    config = module.config.get_text_config()
    try:
        blocks = module.get_submodule(family.layers)
        projection = blocks[0].get_submodule(family.head.module)
    except AttributeError as error:
        raise XTransplantError(
            f"{name}: {error}; its modules are {_modules(module)}; "
            "pass a table that names them: --family FILE.json (see docs/families.md)"
        ) from error
    width = getattr(projection, "in_features", None) or projection.nx
    n_heads = int(config.num_attention_heads)
    return Model(
        nn, tokenizer, family, name, revision,
        n_layers=len(blocks), d_model=int(config.hidden_size),
        n_heads=n_heads, head_dim=width // n_heads,
    )  # fmt: skip


def _family(family: str | Family | Path | None, model_type: str, name: str) -> Family:
    if isinstance(family, Family):
        return family
    if family is not None and str(family) not in FAMILIES:
        return _family_file(Path(family))
    chosen = model_type if family is None else str(family)
    if chosen not in FAMILIES:
        raise XTransplantError(
            f"{name} is of family {chosen!r}, which xtransplant has no table for "
            f"({_skeleton(name)}); pass one: --family NAME of a family laid out alike "
            "(xtp list families) or --family FILE.json (see docs/families.md)"
        )
    return FAMILIES[chosen]


def _family_file(path: Path) -> Family:
    try:
        fields = json.loads(path.read_text())
        for place in ("attn", "ffn", "head"):
            fields[place] = Place(**fields[place])
        return Family(**fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XTransplantError(
            f"--family {path} is neither a family (xtp list families) nor a readable table: "
            f"{type(error).__name__}: {error}; docs/families.md shows one"
        ) from error


def _skeleton(name: str) -> str:
    """The modules of a checkpoint, built without its weights."""
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            module = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(name))
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        return f"its modules cannot be listed: {type(error).__name__}"
    return f"its modules: {_modules(module)}"


def _modules(module: torch.nn.Module) -> str:
    """Module names of the first block, with the path of the list it stands in."""
    for path, child in module.named_modules():
        if isinstance(child, torch.nn.ModuleList) and len(child) and path.count(".") <= 3:
            inside = [name for name, _ in child[0].named_modules() if 0 < len(name) and name.count(".") < 2]
            return f"{path}.N: {', '.join(inside)}"
    return ", ".join(name for name, _ in module.named_children())


def _flag(value: bool | str, config: Any) -> bool:
    """A yes or no of the table, or of the configuration's field that the table names."""
    return bool(getattr(config, value, False)) if isinstance(value, str) else value
