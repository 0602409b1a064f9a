"""A dry run: a session is serialized as it would be sent, and not sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xtransplant.backends.protocol import Backend, NotSent

__all__ = ["Dry"]


@dataclass(frozen=True)
class Dry(Backend):
    """Sessions are counted and looked at, not run; weights are not loaded."""

    name = "dry"
    in_process = False
    travels = True
    shares_prefix = False
    keeps_sources = False
    is_dry = True

    def session(self, nn: Any, name: str, asked: tuple[Any, ...]) -> dict[str, Any]:
        """A session that raises :class:`NotSent` in the place of running."""
        from xtransplant.backends.ndif.payload import payload_of
        from xtransplant.compat.nnsight import RemoteBackend, keep_folder_name

        keep_folder_name(name)
        client = RemoteBackend(nn.to_model_key(), host="http://127.0.0.1")

        def measure(tracer: Any) -> Any:
            raise NotSent(len(payload_of(client, tracer)))

        return {"backend": measure}
