"""Each layer of a model split over the processes that torchrun started: tensor parallelism."""

from __future__ import annotations

import os
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = ["distributed_config", "least", "leave", "rank", "ranks", "told"]


def ranks() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def distributed_config(config: Any) -> Any:
    """What transformers takes to split a model over all of them.

    Args:
        config: the checkpoint's.

    Raises:
        XTransplantError: there is one process.
        ValueError: so many that the checkpoint cannot be split; transformers would put all of it
            on each of them.
    """
    from transformers import DistributedConfig

    from xtransplant.compat.nnsight import check_split

    if ranks() < 2:
        raise XTransplantError(
            "--tensor-parallel splits a model over several processes, and this is one; start them: "
            "torchrun --nproc-per-node 2 --no-python xtp ... --tensor-parallel"
        )
    check_split(config, ranks())
    return DistributedConfig(tp_size=ranks())


def told(what: Any) -> Any:
    """What the first process says to all."""
    import torch.distributed as dist

    box = [what]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def least(value: int) -> int:
    """The smallest of what all processes have."""
    import torch
    import torch.distributed as dist

    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    found = torch.tensor(value, device=device)
    dist.all_reduce(found, dist.ReduceOp.MIN)
    return int(found)


def leave() -> None:
    """End the processes' group, if there is one, once all are done."""
    if ranks() < 2:
        return
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
