"""A session as a job on a server that speaks NDIF's protocol, through nnsight's own client.

What passes by is tried again: a refused connection, a dropped websocket, 429 and 5xx, a job that
does not end, a result that is cut off or gone. What does not is said at once, in the server's own
words: 401, 404, an error in the block. A result is a pickle (``torch.load`` of what the server
sends): only servers that are trusted to run code here may be asked.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import websocket
from nnsight.intervention.backends.remote import RemoteBackend, RemoteError
from nnsight.modeling import huggingface
from nnsight.ndif import register
from nnsight.schema.config import CONFIG
from nnsight.schema.request import RequestModel
from nnsight.schema.response import ResponseModel, Status

from xtransplant.errors import XTransplantError
from xtransplant.strategies.registry import FILE_MODULE

__all__ = ["Ndif"]

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Ndif:
    """A server, and how patiently it is asked.

    Attributes:
        host: its URL; nnsight's configured one by default.
        attempts: how often a job is sent before what passes by is taken to stay.
        timeout: seconds that a job may say nothing new.
        pause: seconds before the second attempt; doubled before each one after it.
        say: told each status and each new attempt, in a line.
    """

    host: str = ""
    attempts: int = 5
    timeout: float = 600.0
    pause: float = 1.0
    say: Callable[[str], None] | None = None

    @property
    def url(self) -> str:
        """The server's URL."""
        return (self.host or str(CONFIG.API.HOST)).rstrip("/")

    def backend(self, nn: Any, name: str) -> RemoteBackend:
        """A backend for one session of a model."""
        if Path(name).is_dir():
            # nnsight asks the hub how a repository's name is spelt; a folder is no repository, and
            # only a server on this machine will find it.
            huggingface._ID_CACHE.setdefault(name, name)
        return _Job(self, nn.to_model_key())


class _Passing(Exception):
    """What may be gone the next time."""


class _Job(RemoteBackend):  # type: ignore[misc]
    """One session: sent, waited for, and sent again where that may help."""

    def __init__(self, server: Ndif, model_key: str) -> None:
        super().__init__(model_key, host=server.url)
        self._server = server
        self.display.enabled = False

    def __call__(self, tracer: Any = None) -> Any:
        for name in [name for name in sys.modules if name.startswith(FILE_MODULE)]:
            # A strategy file's own functions are installed nowhere: they travel by value.
            register(sys.modules[name])
        blob = self._serialize(tracer)
        pause = self._server.pause
        for attempt in range(1, self._server.attempts + 1):
            try:
                result = self._ask(blob)
                break
            except _Passing as error:
                if attempt == self._server.attempts:
                    raise XTransplantError(
                        f"{self._server.url}: {error} ({attempt} attempts); try again later, or "
                        "see xtp doctor --on ndif"
                    ) from None
                self._tell(f"{error}; trying again in {pause:.0f} s")
                # Many clients that were turned away together should not come back together.
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause *= 2
        if not isinstance(result, dict):
            raise XTransplantError(f"{self._server.url} answered with no values; is it NDIF?")
        self._push(result, tracer)
        return result

    def _ask(self, blob: bytes) -> Any:
        """Send the job, wait for its end, and fetch what it saved."""
        connection = self._subscribe()
        try:
            request = RequestModel(model_key=self.model_key, compress=self.compress, env=self.env)
            request.session_id = json.loads(self._receive(connection))["session_id"]
            first = self._send(request, blob)
            response = first
            while response.status not in (Status.COMPLETED, Status.ERROR):
                self._tell(f"job {response.id[:8]} {response.status.value.lower()}")
                response = self._parse(self._receive(connection))
        finally:
            connection.close()
        if response.status == Status.ERROR:
            raise XTransplantError(f"the job failed on {self._server.url}: {_last(response)}")
        return self._fetch(response)

    def _subscribe(self) -> Any:
        try:
            return websocket.create_connection(
                f"{self.ws_host}/subscribe",
                header={"ndif-api-key": self.api_key} if self.api_key else None,
                timeout=self._server.timeout,
            )
        except websocket.WebSocketBadStatusException as error:
            raise self._refused(error.status_code, "") from None
        except (OSError, websocket.WebSocketException) as error:
            raise _Passing(f"cannot connect ({_line(error)})") from None

    def _receive(self, connection: Any) -> Any:
        try:
            message = connection.recv()
        except websocket.WebSocketTimeoutException:
            raise _Passing(f"the job said nothing for {self._server.timeout:.0f} s") from None
        except (OSError, websocket.WebSocketException) as error:
            raise _Passing(f"the connection was dropped ({_line(error)})") from None
        if not message:
            raise _Passing("the connection was closed before the job had ended")
        return message

    def _send(self, request: RequestModel, blob: bytes) -> ResponseModel:
        try:
            return self._post(request, blob)
        except RemoteError as error:
            cause = error.__cause__
            detail = str(error).removeprefix("Failed to send request: ")
            if isinstance(cause, httpx.HTTPStatusError):
                raise self._refused(cause.response.status_code, detail) from None
            raise _Passing(f"the job could not be sent ({detail})") from None

    def _refused(self, status: int, detail: str) -> Exception:
        """What a status means: to be tried again, or for the user to put right."""
        said = f": {_line(detail)}" if detail else ""
        if status in _PASSING:
            return _Passing(f"the server answered {status}{said}")
        hints = {
            401: "set your key with `nnsight login` or NDIF_API_KEY",
            403: "your key may not use this model",
            404: "see what is deployed with xtp models --on ndif",
        }
        hint = f"; {hints[status]}" if status in hints else ""
        return XTransplantError(f"{self._server.url} answered {status}{said}{hint}")

    def _parse(self, message: Any) -> ResponseModel:
        try:
            return self.parse(message)
        except Exception as error:
            raise _Passing(f"a status could not be read ({type(error).__name__})") from None

    def _fetch(self, response: ResponseModel) -> Any:
        try:
            return self.download_result(response.data)
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise _Passing(f"the result could not be fetched ({status})") from None
        except httpx.HTTPError as error:
            raise _Passing(f"the result could not be fetched ({_line(error)})") from None
        except Exception as error:
            # Cut off, or not what was sent: decompressing and unpickling raise of all kinds.
            raise _Passing(f"the result could not be read ({type(error).__name__})") from None

    def _tell(self, line: str) -> None:
        if self._server.say is not None:
            self._server.say(line)


def _last(response: ResponseModel) -> str:
    """The last line of the server's traceback: what went wrong."""
    lines = [line.strip() for line in response.description.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it does not say why"


def _line(error: object) -> str:
    return " ".join(str(error).split())[:200]
