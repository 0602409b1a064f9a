"""A server that speaks NDIF's protocol: where it is, and how patiently it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xtransplant.backends.ndif.answers import LARGEST
from xtransplant.backends.ndif.job import Job
from xtransplant.backends.ndif.jobs import Jobs, Turn, digest_of
from xtransplant.backends.where import check_url
from xtransplant.compat.nnsight import configured_host, name_locally

__all__ = ["Ndif"]


@dataclass(frozen=True)
class Ndif:
    """A server, and how patiently it is asked.

    Attributes:
        host: its URL; nnsight's configured one by default.
        attempts: how often a job is sent before what passes by is taken to stay.
        timeout: seconds that a job may say nothing new.
        pause: seconds before the second attempt; doubled before each one after it.
        at_once: how many jobs of a bench may be under way together.
        insecure: take plain http from another machine, for the server and for its results.
        largest: bytes that an answer may have, as it comes and unpacked.
        say: told each status and each new attempt, in a line.
        jobs: where ids of jobs are kept; without it a job is waited for on a websocket.
        turn: of the threads that ask.
    """

    host: str = ""
    attempts: int = 5
    timeout: float = 600.0
    pause: float = 1.0
    at_once: int = 4
    insecure: bool = False
    largest: int = LARGEST
    say: Callable[[str], None] | None = None
    jobs: Jobs | None = None
    turn: Turn = field(default_factory=Turn, repr=False)

    @property
    def url(self) -> str:
        """The server's URL."""
        return (self.host or configured_host()).rstrip("/")

    def remembering(self, path: Path) -> Ndif:
        """This server, with jobs whose ids are kept in a file, to be collected by whoever asks."""
        return replace(self, jobs=Jobs.open(path), turn=Turn())

    def backend(self, nn: Any, name: str, asked: tuple[Any, ...]) -> Job:
        """A backend for one session of a model.

        Args:
            asked: all that the session depends on besides the model.

        Raises:
            XTransplantError: the server may not be asked.
        """
        check_url(self.url, insecure=self.insecure)
        name_locally(name)
        key = nn.to_model_key()
        return Job(self, key, None if self.jobs is None else digest_of(key, asked))
