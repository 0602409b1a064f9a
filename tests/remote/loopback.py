"""The loopback server's process, as its tests hold it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

KEY = "loopback-key"


class Loopback:
    """A running server."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "server.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}"

    def arm(self, kind: str, times: int = 1, at: Any = None, **more: Any) -> None:
        """Let a fault strike so many times."""
        httpx.post(f"{self.url}/fault", json={"kind": kind, "times": times, "at": at, **more})

    def reset(self) -> None:
        """Count from nothing."""
        httpx.post(f"{self.url}/reset")

    def deploy(self, folder: Path) -> None:
        """Nothing to do: it loads what it is asked for."""

    @property
    def log(self) -> Any:
        return httpx.get(f"{self.url}/log").json()

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=20)


class Real:
    """A real NDIF, brought up by real/up.py: what has to be injected or counted is skipped."""

    def __init__(self, url: str) -> None:
        self.url = url

    def arm(self, kind: str, times: int = 1, at: Any = None, **more: Any) -> None:
        if kind not in ("none", "slow"):
            pytest.skip(f"a real NDIF has no fault {kind!r} to inject")

    def deploy(self, folder: Path) -> None:
        pytest.skip("a real NDIF runs the models that it was brought up with")

    def reset(self) -> None:
        pass

    @property
    def log(self) -> Any:
        pytest.skip("a real NDIF does not count for us")

    def stop(self) -> None:
        pass
