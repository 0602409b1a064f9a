"""Where an NDIF server is, and how patiently it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xtransplant.backends.ndif.urls import check_url
from xtransplant.backends.protocol import Say
from xtransplant.backends.turn import Turn

if TYPE_CHECKING:
    from xtransplant.backends.ndif.jobs import Jobs

__all__ = ["LARGEST", "Server"]

LARGEST = 2**32
"""Bytes that an answer may have, as received and unpacked, unless another bound is given."""


@dataclass(frozen=True)
class Server:
    """A server that speaks NDIF's protocol.

    Attributes:
        address: its URL; that of nnsight's configuration by default.
        attempts: how often a job is sent at most.
        timeout: seconds after which a job without a new status is given up.
        pause: seconds before the second attempt; doubled before each one after it.
        at_once: how many jobs of a bench may be under way together.
        insecure: allow plain http to another machine, for the server and for its results.
        largest: bytes that an answer may have, as received and unpacked.
        say: called with a line for each status and each new attempt.
        jobs: where ids of jobs are kept; without it a job is waited for on a websocket.
        turn: of the threads that ask.
    """

    address: str = ""
    attempts: int = 5
    timeout: float = 600.0
    pause: float = 1.0
    at_once: int = 4
    insecure: bool = False
    largest: int = LARGEST
    say: Say | None = field(default=None, compare=False)
    jobs: Jobs | None = field(default=None, compare=False)
    turn: Turn = field(default_factory=Turn, repr=False, compare=False)

    @property
    def url(self) -> str:
        """The server's URL."""
        from xtransplant.compat.nnsight import configured_host

        return (self.address or configured_host()).rstrip("/")

    def check(self) -> None:
        """Look at its URL, also where it is that of nnsight's configuration.

        Raises:
            XTransplantError: plain http to another machine, or no URL.
        """
        check_url(self.url, insecure=self.insecure)
