"""What a fit's function makes of the statistics, checked, and written with its manifest."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.files import write_atomically
from xtransplant.runs.checksums import sha256_of
from xtransplant.strategies import Fit, Statistics, Strategy, load_fit
from xtransplant.strategies.faults import describe_error, locate_error
from xtransplant.strategies.fit import MANIFEST, TENSORS, tensor_key
from xtransplant.strategies.fitting import Fitting

__all__ = ["make_tensors", "write_fit"]

Tensors = dict[str, dict[str, Tensor]]  # by name, and by language (empty: the same for all)


def make_tensors(
    strategy: Strategy, fitting: Fitting, statistics: Statistics, options: dict[str, Any]
) -> Tensors:
    """What the strategy's function makes of the statistics, checked.

    Raises:
        XTransplantError: it fails, or gives what is no fit; says its file and line.
    """
    try:
        found = fitting.function(statistics, **options)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        place, words = locate_error(error, strategy.origin), describe_error(error)
        raise XTransplantError(f"fitting {strategy.name} fails at {place}: {words}") from error
    if not isinstance(found, Mapping) or not found:
        raise XTransplantError(
            f"the function that fits {strategy.name} should return tensors by name, as in "
            f'{{"direction": tensor}}, not {type(found).__name__}'
        )
    tensors: Tensors = {}
    for name, value in found.items():
        by_lang = value if isinstance(value, Mapping) else {"": value}
        tensors[str(name)] = {
            str(lang): _checked(strategy, tensor_key(str(name), str(lang)), one, statistics)
            for lang, one in by_lang.items()
        }
    return tensors


def _checked(strategy: Strategy, name: str, tensor: Any, statistics: Statistics) -> Tensor:
    n_layers = statistics.n_layers
    right = f"should be a floating-point tensor [n_layers, ...], here [{n_layers}, ...]"
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise XTransplantError(f"{name} of a fit of {strategy.name} {right}")
    if tensor.dim() not in (2, 3) or len(tensor) != n_layers:
        raise XTransplantError(
            f"{name} of a fit of {strategy.name} {right}, not {list(tensor.shape)}"
        )
    if not tensor.isfinite().all():
        raise XTransplantError(f"{name} of a fit of {strategy.name} holds numbers not finite")
    return tensor.detach().cpu().to(torch.float32).contiguous().clone()


def write_fit(folder: Path, tensors: Tensors, manifest: dict[str, Any]) -> Fit:
    """Write a fit's tensors, then its manifest, and read it again.

    Args:
        folder: where both go.
        tensors: as :func:`make_tensors` gives them.
        manifest: what the fit was made of, and for which strategy and model.
    """
    flat = {
        tensor_key(name, lang): one for name, own in tensors.items() for lang, one in own.items()
    }
    with write_atomically(folder / TENSORS) as draft:
        save_file(flat, draft)
    manifest = {
        **manifest,
        "digest": sha256_of(folder / TENSORS),
        "tensors": {name: [lang for lang in own if lang] for name, own in tensors.items()},
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with write_atomically(folder / MANIFEST) as draft:
        draft.write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
    return load_fit(str(folder))
