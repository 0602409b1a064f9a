"""Read a checkpoint's weights, all of them: transformers itself draws missing ones at random."""

from __future__ import annotations

from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["read_weights"]


def read_weights(name: str, *, revision: str | None, **options: Any) -> Any:
    """The transformers model of a checkpoint, with no weight that its files do not hold.

    Args:
        options: as ``from_pretrained`` takes them.

    Raises:
        XTransplantError: weights missing or of another shape than the configuration says.
    """
    from transformers import AutoModelForCausalLM

    # What transformers found when it held the names and shapes in the files to the model's own,
    # tied weights and those that it renames or joins accounted for. Asked not to mind shapes, it
    # names them all instead of raising at what its log says.
    read: Any = AutoModelForCausalLM.from_pretrained(
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
