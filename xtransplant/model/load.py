"""Load a causal language model from the Hugging Face hub or a folder, wrapped by nnsight."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from nnsight import TransformersModel
from transformers import AutoConfig, AutoTokenizer

from xtransplant.errors import XTransplantError
from xtransplant.model.families import FAMILIES, Family, Site

__all__ = ["Model", "SitePath", "load"]


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
        return self.nn._module.device  # type: ignore[no-any-return]

    def site(self, site: Site, layer: int) -> SitePath:
        """Path of ``attn``, ``ffn``, ``head``, ``resid_pre`` or ``resid_post`` at ``layer``."""
        raise NotImplementedError
