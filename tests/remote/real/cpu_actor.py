"""NDIF's model actor on a machine without GPUs: imported by its controller, not by tests."""

import gc

import ray
from ndif.services.ray.deployments.modeling.base import BaseModelDeployment
from nnsight.modeling.huggingface import HuggingFaceModel


@ray.remote(num_cpus=1, max_restarts=-1)
class CPUModelActor(BaseModelDeployment):
    """Only what asks CUDA for something is another; the rest is NDIF's own."""

    CACHEABLE = False

    def __init__(self, *args, **kwargs):
        kwargs["gpu_mem_bytes_by_id"] = {}  # the one GPU that Ray was told of is none
        super().__init__(*args, **kwargs)

    def load_from_disk(self):
        model = HuggingFaceModel.from_model_key(
            self.model_key, dispatch=True, dtype=self.dtype_name, device="cpu", **self.kwargs
        )
        model._module.requires_grad_(False)
        return model

    def cleanup(self):
        self.kill_switch.clear()
        self.kill_reason = None
        self.execution_ident = None
        self.model.interleaver.cancel()
        gc.collect()
