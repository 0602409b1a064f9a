"""A session as the bytes that are sent."""

from __future__ import annotations

import sys
from pickle import PicklingError
from typing import Any

from xtransplant.compat.nnsight import RemoteBackend, send_by_value, serialize
from xtransplant.errors import XTransplantError, one_line
from xtransplant.strategies.identity import FILE_MODULE

__all__ = ["payload_of"]

_BUILT_IN = "xtransplant.interventions."


def payload_of(client: RemoteBackend, tracer: Any) -> bytes:
    """A traced session, with the functions of strategy files by value.

    Raises:
        XTransplantError: it holds something that cannot be pickled.
    """
    for name in [name for name in sys.modules if name.startswith((FILE_MODULE, _BUILT_IN))]:
        # A strategy file's own functions are installed nowhere, nor are this package's.
        send_by_value(sys.modules[name])
    try:
        return serialize(client, tracer)
    except (AttributeError, TypeError, ValueError, PicklingError) as error:
        raise XTransplantError(
            f"what a function of the strategy holds cannot be sent: {one_line(error)}; make it in "
            "the function, or hold numbers and tensors alone"
        ) from error
