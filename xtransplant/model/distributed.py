"""Each layer of a model split over the processes that torchrun started: tensor parallelism."""

from __future__ import annotations

import os
from typing import Any

from xtransplant.errors import XTransplantError

__all__ = [
    "all_reduce_min",
    "broadcast",
    "destroy_process_group",
    "distributed_config",
    "rank",
    "world_size",
]


def world_size() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this process among them, from 0."""
    return int(os.environ.get("RANK", "0"))


def distributed_config(config: Any) -> Any:
    """What transformers takes to split a model over all of these processes.

    Args:
        config: the checkpoint's.

    Raises:
        XTransplantError: there is one process.
        ValueError: so many that the checkpoint cannot be split; transformers would put all of it
            on each of them.
    """
    from transformers import DistributedConfig

    from xtransplant.compat.nnsight import check_split

    if world_size() < 2:
        raise XTransplantError(
            "--tensor-parallel splits a model over several processes, and this is one; start them: "
            "torchrun --nproc-per-node 2 --no-python xtp ... --tensor-parallel"
        )
    check_split(config, world_size())
    return DistributedConfig(tp_size=world_size())


def broadcast(value: Any) -> Any:
    """The value that rank 0 gives; every rank has to call it."""
    import torch.distributed as dist

    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def all_reduce_min(value: int) -> int:
    """The smallest value that any rank gives; every rank has to call it."""
    import torch
    import torch.distributed as dist

    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    found = torch.tensor(value, device=device)
    dist.all_reduce(found, dist.ReduceOp.MIN)
    return int(found)


def destroy_process_group() -> None:
    """Leave the group of processes, if there is one; every rank has to call it."""
    if world_size() < 2:
        return
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        # A rank that leaves while gloo's threads still let go of the other's last tensors aborts
        # as Python shuts down (pytorch/pytorch#179291): all leave together, nothing on its way.
        dist.barrier()
        dist.destroy_process_group()
