"""Choose the table that a checkpoint is read by: its family's, or one given by hand."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from xtransplant.compat.transformers import is_causal_lm
from xtransplant.errors import XTransplantError
from xtransplant.model.families import Family, Place
from xtransplant.model.family_table import FAMILIES
from xtransplant.text import parse_json, read_text

__all__ = ["block_modules", "resolve_family"]

_HOW = (
    "pass one: --family NAME of a family laid out alike (xtp list families), or --family "
    "FILE.json (docs/families.md), in Python family=Family(...)"
)


def resolve_family(family: str | Family | Path | None, config: Any, name: str) -> Family:
    """The table to read a checkpoint by.

    Args:
        family: a table, a family's name, a JSON file with a table's fields, or None for the one
            of the checkpoint's ``model_type``.
        config: the checkpoint's configuration.
        name: the checkpoint, for messages.

    Raises:
        XTransplantError: no such family, a file that is no table, or a model that is no causal LM.
    """
    if isinstance(family, Family):
        return family
    if family is not None:
        return FAMILIES[str(family)] if str(family) in FAMILIES else _read_table(Path(family))
    kind = config.model_type
    if kind in FAMILIES:
        return FAMILIES[kind]
    remote = "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
    if not remote and (config.is_encoder_decoder or not is_causal_lm(kind)):
        raise XTransplantError(
            f"{name} is of type {kind!r}, which is not a causal language model; pass a checkpoint "
            "that continues text (xtp list families)"
        )
    raise XTransplantError(
        f"{name} is of family {kind!r}, which xtransplant has no table for "
        f"({_list_modules(config)}); {_HOW}"
    )


def block_modules(model: torch.nn.Module) -> str:
    """Path of the list of blocks, and the names of the modules inside the first of them."""
    for path, child in model.named_modules():
        if isinstance(child, torch.nn.ModuleList) and len(child) and path.count(".") <= 3:
            inside = [name for name, _ in child[0].named_modules() if name and name.count(".") < 2]
            return f"{path}.N: {', '.join(inside)}"
    return ", ".join(name for name, _ in model.named_children())


def _read_table(path: Path) -> Family:
    if not path.is_file():
        near = get_close_matches(str(path), FAMILIES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise XTransplantError(
            f"--family {path} is neither a family nor a file{hint} (xtp list families)"
        )
    try:
        fields = parse_json(read_text(path))
        for place in ("attn", "ffn", "head", *({"attn_raw", "ffn_raw"} & set(fields))):
            fields[place] = Place(**fields[place])
        return Family(**fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise XTransplantError(
            f"--family {path} is not a table: {what}; docs/families.md shows one"
        ) from error


def _list_modules(config: Any) -> str:
    """The modules of a checkpoint, built without its weights."""
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except Exception as error:  # remote code may raise anything; the message does without the list
        return f"its modules cannot be listed: {type(error).__name__}"
    return f"its modules: {block_modules(model)}"
