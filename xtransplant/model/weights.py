"""Read a checkpoint's weights and refuse an incomplete one.

transformers initializes missing weights at random and only logs that it does.
"""

from __future__ import annotations

from typing import Any

from xtransplant.compat.transformers import is_causal_with_images
from xtransplant.errors import XTransplantError

__all__ = ["read_weights"]


def read_weights(name: str, model_type: str, *, revision: str | None, **options: Any) -> Any:
    """The transformers model of a checkpoint, with no weight that its files do not hold.

    Args:
        name: folder, or repository of the hub.
        model_type: of its configuration; of one for texts with images all of it is read.
        revision: branch, tag or commit.
        options: further ones of ``AutoModelForCausalLM.from_pretrained``.

    Raises:
        XTransplantError: weights missing or of another shape than the configuration says.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    images = is_causal_with_images(model_type)
    auto = AutoModelForImageTextToText if images else AutoModelForCausalLM
    # The loading info lists keys after tying, renaming and merging. With ignore_mismatched_sizes it
    # lists weights of another shape as well, instead of an error that refers to the log.
    read: Any = auto.from_pretrained(
        name,
        revision=revision,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        **options,
    )
    module, found = read
    if missing := sorted(found["missing_keys"]):
        raise _incomplete(name, "lacks weights of its architecture", missing)
    if other := sorted(key for key, *_ in found["mismatched_keys"]):
        raise _incomplete(name, "has weights of other shapes than its config.json says", other)
    return module


def _incomplete(name: str, why: str, keys: list[str]) -> XTransplantError:
    others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    return XTransplantError(
        f"model {name!r} {why}: {keys[0]}{others}; get the whole checkpoint again, or one whose "
        "config.json and weights belong together"
    )
