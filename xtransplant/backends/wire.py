"""What goes over the wire, and what each failure of it means: passing, or the user's to mend."""

from __future__ import annotations

import json
from typing import Any

import httpx
import websocket
from nnsight.intervention.backends.remote import RemoteBackend, RemoteError
from nnsight.schema.request import RequestModel
from nnsight.schema.response import ResponseModel, Status

from xtransplant.errors import JobFailed, XTransplantError, one_line

__all__ = ["Passing", "failed", "fetch", "key_header", "look", "receive", "send", "subscribe"]

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_HINTS = {
    401: "set your key with `nnsight login` or NDIF_API_KEY",
    403: "your key may not use this model",
    404: "see what is deployed with xtp models --on ndif",
}
# What a server puts on disk before it reads it; NDIF 0.1.2 with anyio 4.16 then fails.
_SPOOLED = 2**20
_LARGE = (
    "some releases of NDIF cannot read a job of more than a megabyte: hold less in the strategy's "
    "own functions (--on dry says how much it sends)"
)


class Passing(Exception):
    """What may be gone the next time."""


def subscribe(client: RemoteBackend, timeout: float) -> tuple[Any, str]:
    """A websocket on which statuses of one job arrive, and the id of its session."""
    try:
        connection = websocket.create_connection(
            f"{client.ws_host}/subscribe",
            header=key_header(client.api_key),
            timeout=timeout,
        )
    except websocket.WebSocketBadStatusException as error:
        raise _refused(client, error.status_code, "") from None
    except (OSError, websocket.WebSocketException) as error:
        raise Passing(f"cannot connect ({one_line(error)})") from None
    try:
        return connection, str(json.loads(_message(connection, timeout))["session_id"])
    except BaseException:
        connection.close()
        raise


def receive(client: RemoteBackend, connection: Any, timeout: float) -> ResponseModel:
    """The next status of a job."""
    message = _message(connection, timeout)
    try:
        return client.parse(message)
    except Exception as error:
        raise Passing(f"a status could not be read ({type(error).__name__})") from None


def send(client: RemoteBackend, request: RequestModel, blob: bytes) -> ResponseModel:
    """Hand a job in; its first status."""
    try:
        return client._post(request, blob)
    except RemoteError as error:
        cause = error.__cause__
        detail = str(error).removeprefix("Failed to send request: ")
        if isinstance(cause, httpx.HTTPStatusError):
            status = cause.response.status_code
            large = status == 400 and len(blob) > _SPOOLED
            raise _refused(client, status, detail, _LARGE if large else "") from None
        raise Passing(f"the job could not be sent ({detail})") from None


def look(client: RemoteBackend, job: str) -> ResponseModel | None:
    """The last status of a job that no websocket belongs to; None where the server knows none."""
    headers = key_header(client.api_key)
    try:
        answer = httpx.get(f"{client.host}/response/{job}", headers=headers, timeout=30.0)
    except httpx.HTTPError as error:
        raise Passing(f"the job could not be looked at ({one_line(error)})") from None
    if answer.status_code == 404:
        return None
    if answer.is_error:
        raise _refused(client, answer.status_code, "")
    try:
        return ResponseModel.model_validate_json(answer.text)
    except ValueError as error:
        raise Passing(f"a status could not be read ({type(error).__name__})") from None


def fetch(client: RemoteBackend, response: ResponseModel) -> Any:
    """What a completed job saved."""
    try:
        return client.download_result(response.data)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise Passing(f"the result could not be fetched ({status})") from None
    except httpx.HTTPError as error:
        raise Passing(f"the result could not be fetched ({one_line(error)})") from None
    except Exception as error:
        # Cut off, or not what was sent: decompressing and unpickling raise of all kinds.
        raise Passing(f"the result could not be read ({type(error).__name__})") from None


def failed(client: RemoteBackend, response: ResponseModel) -> JobFailed | None:
    """What a job that ended in an error is to its user; None where it did not.

    Memory that ran out there is a cause as it would be here: who asked can ask for less at once.
    """
    if response.status != Status.ERROR:
        return None
    lines = [line.strip() for line in response.description.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it does not say why"
    if lines and lines[0].startswith("Could not deploy"):
        last = f"{lines[0][:200]} ({last}); {_HINTS[404]}"
    error = JobFailed(f"the job failed on {client.host}: {last}")
    if "OutOfMemoryError" in last or "out of memory" in last:
        error.__cause__ = MemoryError(last)
    return error


def key_header(key: str | None) -> dict[str, str] | None:
    """How a key goes along with what is asked; nothing where there is none."""
    return {"ndif-api-key": key} if key else None


def _message(connection: Any, timeout: float) -> Any:
    try:
        message = connection.recv()
    except websocket.WebSocketTimeoutException:
        raise Passing(f"the job said nothing for {timeout:.0f} s") from None
    except (OSError, websocket.WebSocketException) as error:
        raise Passing(f"the connection was dropped ({one_line(error)})") from None
    if not message:
        raise Passing("the connection was closed before the job had ended")
    return message


def _refused(client: RemoteBackend, status: int, detail: str, hint: str = "") -> Exception:
    """What a status means."""
    said = f": {one_line(detail)}" if detail else ""
    if status in _PASSING:
        return Passing(f"the server answered {status}{said}")
    hint = hint or _HINTS.get(status, "")
    return XTransplantError(
        f"{client.host} answered {status}{said}" + (f"; {hint}" if hint else "")
    )
