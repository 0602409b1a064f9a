"""Two devices played on one: every tensor has a place, and operations across places fail.

A stand-in for a machine with two GPUs, where there is none. Tensors stay where they are; which
device each would be on is kept beside them, ``.device``, ``.to`` and ``device=`` go by it, and an
operation on tensors of two devices raises what CUDA does. Indices may lie on the CPU, as with CUDA.
Between the devices accelerate's own hooks move what a module is handed, as under ``device_map``
``auto``. It shows that no operation of a pass mixes devices, and nothing of speed or of numerics.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten
from torch.utils.weak import WeakTensorKeyDictionary

from xtransplant import Model

CPU, FIRST, SECOND = (torch.device(name) for name in ("cpu", "cuda:0", "cuda:1"))
_DEVICE_OF = torch.Tensor.device.__get__
_INDEXING = (torch.Tensor.__getitem__, torch.Tensor.__setitem__)
_ASIDE = (torch.Tensor.__repr__, torch.Tensor.__hash__, torch.Tensor.data.__get__)  # type: ignore[attr-defined]


class Places(TorchFunctionMode):
    """The mode that keeps each tensor's device."""

    def __init__(self) -> None:
        super().__init__()
        self.places = WeakTensorKeyDictionary()

    def of(self, tensor: torch.Tensor) -> torch.device:
        """Where a tensor is."""
        place: torch.device = self.places.get(tensor, CPU)
        return place

    def put(self, value: Any, device: torch.device) -> None:
        """Say of every tensor in a value where it is."""
        for tensor in _tensors(value):
            self.places[tensor] = device

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if function == _DEVICE_OF:
            return self.of(args[0])
        if function == torch.Tensor.to:
            return self._moved(*args, **kwargs)
        if function == torch.Tensor.cpu:
            return self._copied(args[0], CPU)
        asked = kwargs.pop("device", None)
        result_on = self._common(function, args, kwargs)
        result = function(*args, **kwargs)
        if function not in _ASIDE:
            self.put(result, result_on if asked is None else torch.device(asked))
        return result

    def _common(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> torch.device:
        """The one device of an operation's tensors."""
        if function in _INDEXING:
            indices = {self.of(tensor) for tensor in _tensors(args[1])}
            others = {self.of(tensor) for tensor in _tensors(args[2:]) if tensor.dim()}
            here = self.of(args[0])
            if not indices <= {CPU, here}:
                raise RuntimeError(f"indices should be on cpu or {here}, found {indices}")
            found = {here} | others
        elif function == torch.Tensor.__deepcopy__:
            found = {self.of(args[0])}  # beside it, what was copied before
        else:
            found = {self.of(tensor) for tensor in _tensors((args, kwargs)) if tensor.dim()}
        if len(found) > 1:
            name = getattr(function, "__name__", function)
            raise RuntimeError(f"Expected all tensors to be on the same device: {name}, {found}")
        return next(iter(found), CPU)

    def _moved(self, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        device = kwargs.pop("device", None)
        kwargs.pop("non_blocking", None)
        rest = []
        for one in args:
            if isinstance(one, torch.Tensor):
                device, one = self.of(one), one.dtype
            if isinstance(one, (str, torch.device)):
                device = torch.device(one)
            else:
                rest.append(one)
        found = torch.Tensor.to(tensor, *rest, **kwargs) if rest or kwargs else tensor
        place = self.of(tensor) if device is None else torch.device(device)
        if found is tensor and place == self.of(tensor):
            return tensor
        return self._copied(found, place)

    def _copied(self, tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        if device == self.of(tensor):
            return tensor
        with torch._C.DisableTorchFunction():
            copy = tensor.clone()
        self.places[copy] = device
        return copy


class _Hook(AlignDevicesHook):  # type: ignore[misc]
    """Accelerate's, but for the weights: their places are kept beside them."""

    def init_hook(self, module: torch.nn.Module) -> torch.nn.Module:
        return module


@contextmanager
def two_devices(model: Model, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """The second half of a model's layers, and all after them, on a second device."""
    mode, module = Places(), model.module
    half = model.n_layers // 2
    for weights in (*module.parameters(), *module.buffers()):
        mode.places[weights] = FIRST
    blocks = module.get_submodule(model.family.layers)
    later = [*blocks[half:], module.model.norm, module.lm_head]
    for one in later:
        for weights in (*one.parameters(), *one.buffers()):
            mode.places[weights] = SECOND
        add_hook_to_module(one, _Hook(execution_device=SECOND))
    add_hook_to_module(module, _Hook(execution_device=FIRST, io_same_device=True))
    monkeypatch.setattr("xtransplant.engine.ask.memory.free_bytes", lambda device: 10**9)
    # What stands in a trace runs in a thread of its own.
    run = threading.Thread.run

    def run_in_mode(thread: threading.Thread) -> None:
        with mode:
            run(thread)

    monkeypatch.setattr(threading.Thread, "run", run_in_mode)
    with mode:
        assert model.device == FIRST
        assert model.devices == (FIRST, SECOND)
        yield mode


def _tensors(value: Any) -> list[torch.Tensor]:
    return [one for one in tree_flatten(value)[0] if isinstance(one, torch.Tensor)]
