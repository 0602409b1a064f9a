"""Whether what a server answered can be what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model

__all__ = ["believe"]

Shape = tuple[int, ...]


def believe(model: Model, found: Any, wanted: Sequence[Mapping[str, Shape]]) -> None:
    """Hold results to what each of them has to have: named tensors, by their shapes.

    Under a transplant a model may overflow there as it may here; such cells are recorded as not
    finite. Of a prompt by itself (``[n_examples, 1, ...]``) such an answer is nonsense.

    Raises:
        XTransplantError: other names, shapes or kinds of values, or a prompt's own numbers that
            are NaN or infinite.
    """
    assert model.server is not None
    url = model.server.url
    if not isinstance(found, list) or len(found) != len(wanted):
        count = len(found) if isinstance(found, list) else type(found).__name__
        raise XTransplantError(
            f"{url} answered with {count} results where {len(wanted)} were asked"
        )
    for one, shapes in zip(found, wanted, strict=True):
        for name, shape in shapes.items():
            value = one.get(name) if isinstance(one, dict) else None
            if not isinstance(value, Tensor) or tuple(value.shape) != shape:
                what = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise XTransplantError(
                    f"{url} answered with {what} for {name} where {shape} was asked"
                )
            if len(shape) == 3 and shape[1] == 1 and not bool(value.isfinite().all()):
                raise XTransplantError(
                    f"{url} answered with values of {name} that are not finite, though nothing is "
                    "transplanted: its model does not fit its precision, or it is out of order"
                )
