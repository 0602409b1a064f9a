"""The memory that a forward pass may take, and estimates of what it would take, in bytes."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Sized
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from xtransplant.errors import XTransplantError
from xtransplant.model.distributed import all_reduce_min
from xtransplant.model.model import Model

__all__ = [
    "MemoryBudget",
    "free_bytes",
    "is_out_of_memory",
    "keep_freed_memory",
    "pass_bytes",
    "stored_bytes",
]

_log = logging.getLogger("xtransplant")
# Of the memory that is free, what a budget may take by default.
_SHARE = 0.5
# What is taken for the free memory of another process, which is not known.
_UNKNOWN_FREE_BYTES = 8 * 10**9
# What allocators take beyond what they are asked for; measured on the reference shape.
_SLACK = 1.3
# Larger passes gain no speed: on a CPU they fall out of its caches. Elsewhere the bound is a guess
# (no accelerator was at hand): well above what keeps one busy, and memory is the bound that counts.
_MOST_COLUMNS = {"cpu": 16384}
_MOST_COLUMNS_ELSEWHERE = 131072


@dataclass
class MemoryBudget:
    """The memory that one pass may take beyond the model; it shrinks where that was too much.

    Attributes:
        limit: in bytes.
        columns: how many input tokens one pass may hold, whatever the memory.
        examples: how many examples, likewise; None for any number.
    """

    limit: float
    columns: int = _MOST_COLUMNS["cpu"]
    examples: int | None = None

    @classmethod
    def of(
        cls, model: Model, budget: int | None = None, examples: int | None = None
    ) -> MemoryBudget:
        """A budget of some bytes; by default half of what is free where the model lies.

        Of several devices the one with the least free memory counts.

        Args:
            model: a loaded model.
            budget: bytes; None for the default.
            examples: at most so many at once.

        Raises:
            XTransplantError: a budget smaller than a pass over one token.
        """
        if budget is not None and budget < (one := pass_bytes(model, 1, 1, 1)):
            raise XTransplantError(
                f"a memory budget of {budget:,} bytes holds nothing: one token of {model.name} "
                f"alone takes about {one / 1e3:,.0f} kB; give e.g. 2G, or leave it out"
            )
        columns = _MOST_COLUMNS.get(model.device.type, _MOST_COLUMNS_ELSEWHERE)
        if budget is None:
            free = _UNKNOWN_FREE_BYTES
            if model.backend.in_process:
                free = min(free_bytes(device) for device in model.devices)
            if model.world_size > 1:
                free = all_reduce_min(free)  # every process has to cut the work alike
            return cls(_SHARE * free, columns, examples)
        return cls(budget, columns, examples)

    def fits(self, fixed: float, each: float, most: int, columns: int) -> int:
        """How many of ``most`` equal units fit: at least one.

        Args:
            fixed: bytes that are taken whatever the number of units.
            each: bytes of each unit.
            most: how many units there are.
            columns: input tokens of each unit.
        """
        by_bytes = (self.limit - fixed) / max(each, 1)
        return max(1, min(most, int(by_bytes), self.columns // max(columns, 1)))

    def most(self, examples: Sized) -> int:
        """How many of these examples one pass may hold, whatever the memory."""
        return min(len(examples), self.examples or len(examples))

    def halve(self, taken: float, what: str) -> None:
        """Halve the budget after memory ran out in a pass estimated to take ``taken`` bytes.

        Args:
            taken: the estimate.
            what: what the pass held, for the log.
        """
        self.limit = min(self.limit, taken) / 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        _log.warning("out of memory with %s at once; going on with half of that", what)


def free_bytes(device: torch.device) -> int:
    """Bytes free on a device; on the CPU the machine's, within its container's limit (cgroup)."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (
            (group / name).read_text().strip() for name in ("memory.max", "memory.current")
        )
    except OSError:
        return free
    return free if limit == "max" else max(0, min(free, int(limit) - int(used)))


def keep_freed_memory() -> None:
    """Have glibc's allocator reuse freed memory instead of returning it to the kernel.

    A forward pass frees and allocates the same megabytes thousands of times, and by default the
    kernel hands out (and zeroes) fresh pages each time: about a tenth of a grid's time on a CPU.
    It holds for the whole process, so that programs may call it and libraries should not. Without
    glibc's ``mallopt`` it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        trim_threshold, top_pad, mmap_threshold = -1, -2, -3
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(top_pad, 2**26)
        mallopt(mmap_threshold, 2**25)


def pass_bytes(model: Model, columns: int, keys: int, n_logits: int) -> float:
    """About what a forward pass takes at its peak, in bytes, beyond the weights.

    A count of the tensors that live at once in one block of a Llama-like model, and of the logits.

    Args:
        model: gives the shape and the precision.
        columns: tokens of the input, over all rows.
        keys: how many keys each of them attends to.
        n_logits: columns whose logits are read.
    """
    config, size = model.config, torch.finfo(model.dtype).bits // 8
    width = model.n_heads * model.head_dim
    inner = getattr(config, "intermediate_size", None) or 4 * model.d_model
    inner = max(inner) if isinstance(inner, (list, tuple)) else inner  # one per layer
    # Residual stream and its copies; queries, keys, values and attention output; gate and up.
    stream = size * (8 * model.d_model + 8 * width + 4 * int(inner))
    # Attention scores, their softmax in float32, the attention weights.
    scores = (2 * size + 8) * model.n_heads * keys
    # Logits, their float32 copy, and what log-sum-exp makes of it: of all ids, or of the hidden
    # states of those that are projected a few ids at a time.
    logits = (size + 8) * model.vocab_size if model.head is None else 2 * size * model.d_model
    return _SLACK * (columns * (stream + scores) + n_logits * logits)


def stored_bytes(model: Model, n_tokens: int) -> float:
    """Bytes of the KV cache of some tokens, over all layers."""
    n_kv = getattr(model.config, "num_key_value_heads", None) or model.n_heads
    size = torch.finfo(model.dtype).bits // 8
    return 2.0 * size * n_kv * model.head_dim * n_tokens * model.n_layers


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that caused it, means that memory ran out."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (torch.OutOfMemoryError, MemoryError)):
            return True
        if isinstance(seen, RuntimeError) and "can't allocate memory" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
