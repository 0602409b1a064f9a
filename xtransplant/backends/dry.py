"""A server that is none: a session is written down as it would travel, and not sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtransplant.backends.ndif.job import packed
from xtransplant.backends.ndif.jobs import Turn
from xtransplant.compat.nnsight import RemoteBackend, name_locally

__all__ = ["NotSent", "Nowhere"]


class NotSent(Exception):
    """In the place of an answer.

    Attributes:
        size: of what would be sent, in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


@dataclass(frozen=True)
class Nowhere:
    """For what is to be counted and looked at, not run."""

    url: str = "http://127.0.0.1"
    at_once: int = 1
    turn: Turn = field(default_factory=Turn, repr=False)

    def remembering(self, path: Path) -> Nowhere:
        """Nothing is handed in, so there is nothing to remember."""
        return self

    def backend(self, nn: Any, name: str, asked: tuple[Any, ...]) -> RemoteBackend:
        """A backend that raises :class:`NotSent`."""
        name_locally(name)
        return _Unsent(nn.to_model_key(), host=self.url)


class _Unsent(RemoteBackend):  # type: ignore[misc]
    def __call__(self, tracer: Any = None) -> Any:
        raise NotSent(len(packed(self, tracer)))
