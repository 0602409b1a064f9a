"""NDIF, or another server that speaks its protocol, as a backend.

Nothing here imports torch or nnsight before it is asked: ``--on`` is read first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from xtransplant.backends.ndif.server import Server
from xtransplant.backends.ndif.urls import check_url
from xtransplant.backends.protocol import Backend, Finding, Flags, Say
from xtransplant.backends.turn import Turn
from xtransplant.errors import XTransplantError

__all__ = ["Ndif"]


@dataclass(frozen=True)
class Ndif(Server, Backend):
    """A session is a job of a server; source and results travel, activations stay there."""

    name = "ndif"
    address_hint = "URL"
    flags = frozenset({"insecure", "jobs"})
    in_process = False
    travels = True
    shares_prefix = False
    keeps_sources = False
    hosts_models = True

    @classmethod
    def at(cls, address: str, flags: Flags) -> Self:
        """The server at a URL.

        Raises:
            XTransplantError: no URL, plain http to another machine, or fewer than one job.
        """
        check_url(address or os.environ.get("NDIF_HOST", ""), insecure=flags.insecure)
        jobs = cls.at_once if flags.jobs is None else flags.jobs
        if jobs < 1:
            raise XTransplantError(f"--jobs {jobs} do no work; give 1 or more")
        return cls(address, insecure=flags.insecure, at_once=jobs)

    def reporting(self, say: Say | None, *, attempts: int | None = None) -> Self:
        """The same server, telling each status of a job and each new attempt."""
        return replace(self, say=say, attempts=attempts or self.attempts)

    def remembering(self, path: Path) -> Self:
        """The same server, with ids of jobs kept in a file, so that any client can collect them."""
        from xtransplant.backends.ndif.jobs import Jobs

        return replace(self, jobs=Jobs.open(path), turn=Turn())

    def session(self, nn: Any, name: str, asked: tuple[Any, ...]) -> dict[str, Any]:
        """One session as a job.

        Raises:
            XTransplantError: the server may not be asked.
        """
        from xtransplant.backends.ndif.job import Job
        from xtransplant.backends.ndif.jobs import job_digest
        from xtransplant.compat.nnsight import keep_folder_name

        self.check()
        keep_folder_name(name)
        key = nn.to_model_key()
        return {"backend": Job(self, key, None if self.jobs is None else job_digest(key, asked))}

    def revision_of(self, name: str, revision: str | None) -> str | None:
        """Revisions of a model that are deployed, the one asked for if it is among them."""
        rows = [row for row in self.deployed() if row["model"] == name]
        asked = [row for row in rows if row["revision"] == (revision or "main")]
        return ", ".join(sorted({row["revision"] for row in asked or rows})) or None

    def deployed(self) -> list[dict[str, str]]:
        """Repository, revision and state of every model that is deployed.

        Raises:
            XTransplantError: it cannot be reached, or answers with something else.
        """
        from xtransplant.backends.ndif.doctor import deployed

        return deployed(self)

    def examine(self, model: str | None) -> list[Finding]:
        """Key, server, model and versions, in the order in which they matter."""
        from xtransplant.backends.ndif.doctor import examine

        return examine(self, model)
