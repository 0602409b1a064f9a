"""Everything of transformers that its documentation does not promise: private names, inner modules.

No other file reaches into transformers past its top level. ``tests/model/test_compat.py`` holds
each name to what is relied on here, so that a release that changes one fails there and says which.
"""

from __future__ import annotations

from typing import Any

from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
)

__all__ = [
    "attention_of",
    "is_causal_lm",
    "is_causal_with_images",
    "name_in_config",
]

name_in_config = "_name_or_path"
"""The field of a configuration's dict that says where it was loaded from."""


def is_causal_lm(model_type: str) -> bool:
    """Whether transformers has a causal language model of a type."""
    return model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES


def is_causal_with_images(model_type: str) -> bool:
    """Whether a type has a model for texts with images, and none for texts alone."""
    return model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES and not is_causal_lm(model_type)


def attention_of(module: Any) -> str:
    """The name of the attention function that a model uses, for ``set_attn_implementation``."""
    return str(module.config._attn_implementation)
