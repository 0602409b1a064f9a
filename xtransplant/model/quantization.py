"""Weights in 4 or 8 bits: what ``--quantization`` names, as transformers' own configurations."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

from xtransplant.backends.protocol import Backend
from xtransplant.errors import XTransplantError
from xtransplant.model.checkpoint import Checkpoint

__all__ = ["QUANTIZATIONS", "check_quantization", "quantization_options"]

_LOGGER = logging.getLogger("xtransplant")

QUANTIZATIONS = ("bnb-4bit", "bnb-8bit")


def check_quantization(
    name: str | None, checkpoint: Checkpoint, backend: Backend, *, tensor_parallel: bool = False
) -> None:
    """Refuse a quantization that is not known, or cannot be had here.

    Args:
        name: one of :data:`QUANTIZATIONS`; None for none.
        checkpoint: what is to be loaded.
        backend: where its traces run.
        tensor_parallel: its layers are to be split over processes.

    Raises:
        XTransplantError: any of it, or the package that quantizes is missing.
    """
    if name is None:
        return
    flag = f"--quantization {name}"
    if name not in QUANTIZATIONS:
        raise XTransplantError(f"{flag} is none of {', '.join(QUANTIZATIONS)}")
    if checkpoint.gguf_file is not None:
        raise XTransplantError(
            f"{flag}: {checkpoint} is a GGUF file, quantized already; leave one of the two out"
        )
    if backend.hosts_models:
        raise XTransplantError(
            f"{flag} does nothing with --on {backend}: a server decides how its model is kept; "
            "leave it out"
        )
    if tensor_parallel:
        raise XTransplantError(
            f"{flag} and --tensor-parallel: quantized layers are not split over processes; leave "
            "one of them out, or spread the layers over this machine's GPUs: --device-map auto"
        )
    if find_spec("bitsandbytes") is None:
        raise XTransplantError(
            f"{flag} needs the package bitsandbytes: pip install 'xtransplant[bnb]'"
        )


def quantization_options(name: str | None) -> dict[str, Any]:
    """What the model's ``from_pretrained`` takes.

    4 bits are NF4 (arXiv 2305.14314), 8 bits LLM.int8() (arXiv 2208.07339), all else as
    transformers has it.

    Args:
        name: one of :data:`QUANTIZATIONS`; None for none.
    """
    if name is None:
        return {}
    from transformers import BitsAndBytesConfig

    if name == "bnb-8bit":
        _LOGGER.warning(
            "--quantization bnb-8bit: a matrix product sets columns aside by what is in all of its "
            "rows, so a cell's numbers depend on what else runs with it; bnb-4bit has no such thing"
        )
        config = BitsAndBytesConfig(load_in_8bit=True)
    else:
        config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    return {"quantization_config": config}
