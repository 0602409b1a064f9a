"""Choose the table that a checkpoint is read by: its family's, or one given by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from xtransplant.compat.transformers import is_causal_lm, is_causal_with_images
from xtransplant.errors import XTransplantError
from xtransplant.model.by_hand import family_by_hand
from xtransplant.model.families import Family
from xtransplant.model.family_table import FAMILIES
from xtransplant.model.guess import block_modules, family_to_try

__all__ = ["resolve_family"]


def resolve_family(family: str | Family | Path | None, config: Any, name: str) -> Family:
    """The table to read a checkpoint by.

    Args:
        family: a table, a family's name, a table's fields as JSON or in a JSON file, or None for
            the one of the checkpoint's ``model_type``.
        config: the checkpoint's configuration.
        name: the checkpoint, for messages.

    Raises:
        XTransplantError: no such family, a file that is no table, or a model that is no causal LM.
    """
    if isinstance(family, Family):
        return family
    if family is not None:
        return family_by_hand(family)
    kind = config.model_type
    if kind in FAMILIES:
        return FAMILIES[kind]
    if (inside := _text_inside(config)) is not None:
        return inside
    remote = "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
    if not remote and (config.is_encoder_decoder or not _continues_text(kind)):
        raise XTransplantError(
            f"{name} is of type {kind!r}, which is not a causal language model; pass a checkpoint "
            "that continues text (xtp list families)"
        )
    raise XTransplantError(
        f"{name} is of family {kind!r}, which xtransplant has no table for; {_to_try(config)}"
    )


def _continues_text(kind: str) -> bool:
    return is_causal_lm(kind) or is_causal_with_images(kind)


def _text_inside(config: Any) -> Family | None:
    """The table of the text model inside one for texts with images, at its place there."""
    text = FAMILIES.get(config.get_text_config().model_type)
    if text is None or not is_causal_with_images(config.model_type):
        return None
    return replace(text, layers=text.layers.replace("model.", "model.language_model.", 1))


def _to_try(config: Any) -> str:
    """What to pass for a checkpoint without a table, by its modules, built without its weights."""
    how = "docs/families.md; in Python family=Family(...)"
    try:
        with torch.device("meta"):
            images = is_causal_with_images(config.model_type)
            auto: Any = AutoModelForImageTextToText if images else AutoModelForCausalLM
            model = auto.from_config(config)
        line = family_to_try(model, config)
    except Exception as error:  # remote code may raise anything; the message does without the list
        return (
            f"its modules cannot be listed ({type(error).__name__}); say which family it is like, "
            f"as --family llama, or --family FILE.json ({how})"
        )
    try_it = f"try --family {line}, which is checked as it is loaded, or write" if line else "write"
    return f"{try_it} a table: --family FILE.json ({how}); its modules: {block_modules(model)}"
