"""Everything of nnsight that its documentation does not promise: private names, inner modules.

No other file reaches into nnsight past its top level. ``tests/model/test_compat.py`` holds each
name to what is relied on here, so that a release that changes one fails there and says which.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from nnsight.intervention.backends.remote import RemoteBackend
from nnsight.modeling import huggingface
from nnsight.modeling.tp import check_tp_request
from nnsight.ndif import register
from nnsight.schema.config import CONFIG
from nnsight.schema.request import RequestModel
from nnsight.schema.response import ResponseModel, Status

__all__ = [
    "STATUS_PLACE",
    "RemoteBackend",
    "RequestModel",
    "ResponseModel",
    "Status",
    "api_key",
    "check_split",
    "configured_host",
    "keep_folder_name",
    "module_of",
    "push_result",
    "send_by_value",
    "serialize",
]

STATUS_PLACE = (Status.__module__, Status.__qualname__)
"""The one class that a status sent as a pickle names."""


def module_of(nn: Any) -> Any:
    """The transformers model inside an nnsight wrapper."""
    return nn._module


def check_split(config: Any, n: int) -> None:
    """Whether a checkpoint's layers can be split over ``n`` processes.

    Raises:
        ValueError: they cannot; its message has the numbers that would do.
    """
    check_tp_request(config, n)


def configured_host() -> str:
    """The server's URL as nnsight is configured: its file, or ``NDIF_HOST``."""
    return str(CONFIG.API.HOST)


def api_key() -> str | None:
    """The key as nnsight is configured: ``nnsight login``, or ``NDIF_API_KEY``; None if not."""
    return CONFIG.API.APIKEY or None


def keep_folder_name(name: str) -> None:
    """Keep nnsight from asking the hub how a folder's name is spelt.

    A folder is no repository, and only a server on this machine will find it.
    """
    folder = Path(name).parent if Path(name).is_file() else Path(name)  # of a GGUF file
    if folder.is_dir():
        place = name if folder == Path(name) else str(folder)
        huggingface._ID_CACHE.setdefault(place, place)


def send_by_value(module: ModuleType) -> None:
    """Send the functions of a module by their source: it is installed nowhere else."""
    register(module)


def serialize(client: RemoteBackend, tracer: Any) -> bytes:
    """A traced block as it travels."""
    return client._serialize(tracer)  # type: ignore[no-any-return]


def push_result(client: RemoteBackend, result: dict[str, Any], tracer: Any) -> None:
    """Put what a job saved into the variables of the block that asked for it."""
    client._push(result, tracer)
