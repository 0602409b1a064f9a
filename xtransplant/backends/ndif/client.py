"""What goes over the wire, and what each failure of it means: passing, or the user's to mend."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import websocket

from xtransplant.backends.ndif.answers import (
    LARGEST,
    Retryable,
    Unreadable,
    check_size,
    read_result,
    read_status,
)
from xtransplant.backends.ndif.http import Answer, address_of, ask, lasting
from xtransplant.backends.ndif.urls import check_result_url
from xtransplant.compat.nnsight import RemoteBackend, RequestModel, ResponseModel, Status
from xtransplant.errors import JobFailed, XTransplantError, one_line

__all__ = [
    "Gone",
    "failed",
    "fetch",
    "key_header",
    "look",
    "receive",
    "refused",
    "said",
    "send",
    "subscribe",
    "unnamed",
]

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({403, 404, 410})  # what a store answers for a URL that has run out
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
_UPLOAD = 600.0  # seconds in which a server may say nothing of a job that was handed in


class Gone(Retryable):
    """A result that is no longer where it was put."""


def subscribe(client: RemoteBackend, timeout: float, largest: int = LARGEST) -> tuple[Any, str]:
    """A websocket on which statuses of one job arrive, and the id of its session.

    Args:
        largest: bytes that may come over it in all.

    Raises:
        Retryable: it cannot be had now.
        XTransplantError: it cannot be had.
    """
    try:
        connection = websocket.create_connection(
            f"{client.ws_host}/subscribe",
            header=key_header(client.api_key),
            timeout=timeout,
            # The key would go along.
            redirect_limit=0,
        )
    except websocket.WebSocketBadStatusException as error:
        raise refused(client, error.status_code, "") from None
    except (OSError, ValueError, websocket.WebSocketException) as error:
        why = lasting(error)
        if not why and "redirect" in str(error).lower():
            why = "it answers with a redirect, which is not followed; give the server's own URL"
        if why:
            raise XTransplantError(f"{client.host} cannot be reached: {why}") from None
        raise Retryable(f"cannot connect ({one_line(error)})") from None
    try:
        if (status := connection.getstatus()) != 101:
            raise refused(client, status or 0, "")
        _bound(connection, client.host, largest)
        message = _message(connection, timeout)
        try:
            return connection, str(json.loads(message)["session_id"])
        except (ValueError, TypeError, LookupError):
            raise Unreadable("the session's first message could not be read") from None
    except BaseException:
        connection.close()
        raise


def receive(connection: Any, left: float, timeout: float) -> ResponseModel:
    """The next status of a job.

    Args:
        left: seconds in which it has to come, of the ``timeout`` that a job may say nothing new.

    Raises:
        Retryable: none comes, or none that can be read.
    """
    connection.settimeout(left)
    return read_status(_message(connection, timeout))


def send(client: RemoteBackend, request: RequestModel, blob: bytes) -> ResponseModel:
    """Hand a job in; its first status.

    Raises:
        Retryable: it may be taken the next time.
        XTransplantError: it will not.
    """
    headers = {
        "ndif-timestamp": repr(time.time()),
        "nnsight-version": version("nnsight"),
        "python-version": sys.version,
        **(key_header(client.api_key) or {}),
    }
    try:
        answer = ask(
            "POST",
            f"{client.host}/request",
            headers=headers,
            silence=_UPLOAD,
            within=None,
            data={"data": request.metadata()},
            files={"blob": ("request", blob, "application/octet-stream")},
        )
    except Retryable as error:
        raise Retryable(f"the job could not be sent ({error})") from None
    if answer.status >= 400:
        large = answer.status == 400 and len(blob) > _SPOOLED
        raise refused(client, answer.status, said(answer), _LARGE if large else "")
    return _status(answer)


def look(client: RemoteBackend, job: str) -> ResponseModel | None:
    """The last status of a job that no websocket belongs to; None where the server knows none.

    Raises:
        Retryable: it cannot be had now, or not be read.
        XTransplantError: it cannot be had.
    """
    url = f"{client.host}/response/{quote(job, safe='')}"
    try:
        answer = ask("GET", url, headers=key_header(client.api_key))
    except Retryable as error:
        raise Retryable(f"the job could not be looked at ({error})") from None
    if answer.status == 404:
        return None
    if answer.status >= 400:
        raise refused(client, answer.status, "")
    return _status(answer)


def fetch(
    client: RemoteBackend,
    response: ResponseModel,
    *,
    insecure: bool = False,
    largest: int = LARGEST,
) -> Any:
    """What a completed job saved.

    Args:
        insecure: fetch it over plain http from another machine too.
        largest: bytes that it may have, as it comes and unpacked.

    Raises:
        Gone: it is no longer there.
        Unreadable: what is there is damaged.
        Retryable: it cannot be fetched now.
        XTransplantError: it may not be fetched, or is not what was asked for.
    """
    content = response.data
    if isinstance(content, str) and content:
        check_result_url(content, client.host, insecure=insecure)
        try:
            # Without the key: whoever keeps results was told what to hand out.
            answer = ask("GET", content, silence=_UPLOAD, within=None, largest=largest)
        except Retryable as error:
            raise Retryable(f"the result could not be fetched ({error})") from None
        if answer.status in _GONE:
            raise Gone(f"the result could not be fetched ({answer.status})")
        if answer.status in _PASSING:
            raise Retryable(f"the result could not be fetched ({answer.status})")
        if answer.status >= 400:
            raise XTransplantError(
                f"the result of a job on {client.host} cannot be fetched: "
                f"{address_of(content)} answered {answer.status}"
            )
        content = answer.content
    if not isinstance(content, bytes):
        raise Unreadable("the job ended and names no result")
    check_size(len(content), largest, f"a result of {client.host}")
    return read_result(content, client.host, compressed=bool(client.compress), largest=largest)


def failed(client: RemoteBackend, response: ResponseModel) -> JobFailed | None:
    """What a job that ended in an error is to its user; None where it did not.

    Memory that ran out there is a cause as it would be here: who asked can ask for less at once.
    """
    if response.status != Status.ERROR:
        return None
    lines = [line.strip() for line in response.description.splitlines() if line.strip()]
    last = unnamed(client.api_key, lines[-1][:300]) if lines else "it does not say why"
    if lines and lines[0].startswith("Could not deploy"):
        last = f"{unnamed(client.api_key, lines[0][:200])} ({last}); {_HINTS[404]}"
    error = JobFailed(f"the job failed on {client.host}: {last}")
    if "OutOfMemoryError" in last or "out of memory" in last:
        error.__cause__ = MemoryError(last)
    return error


def refused(client: RemoteBackend, status: int, detail: str, hint: str = "") -> Exception:
    """What a status other than success means."""
    words = f": {unnamed(client.api_key, one_line(detail))}" if detail else ""
    if status in _PASSING:
        return Retryable(f"the server answered {status}{words}")
    hint = hint or _HINTS.get(status, "check the URL: is it NDIF?" if status < 400 else "")
    return XTransplantError(
        f"{client.host} answered {status}{words}" + (f"; {hint}" if hint else "")
    )


def said(answer: Answer) -> str:
    """What a server says of a refusal: FastAPI's ``detail``, or its own words."""
    text = answer.content.decode(errors="replace").strip()
    try:
        document = json.loads(text)
    except ValueError:
        return "a web page" if text.startswith("<") else text
    found = document.get("detail", document) if isinstance(document, dict) else document
    return found if isinstance(found, str) else json.dumps(found)


def unnamed(key: str | None, text: str) -> str:
    """A server's words as they may be printed: without the key, which NDIF quotes, and in plain
    characters, which a terminal does not obey."""
    if key:
        text = text.replace(key, "<your key>")
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def key_header(key: str | None) -> dict[str, str] | None:
    """How a key goes along with what is asked; nothing where there is none."""
    return {"ndif-api-key": key} if key else None


def _status(answer: Answer) -> ResponseModel:
    """A status that came over http."""
    return read_status(answer.content.decode(errors="replace"))


def _bound(connection: Any, host: str, largest: int) -> None:
    """Let no more than so many bytes come over a websocket."""
    read, taken = connection.frame_buffer.recv_strict, 0

    def counted(size: int) -> bytes:
        nonlocal taken
        taken += size
        check_size(taken, largest, f"what {host} sends")
        return read(size)  # type: ignore[no-any-return]

    connection.frame_buffer.recv_strict = counted


def _message(connection: Any, timeout: float) -> Any:
    try:
        message = connection.recv()
    except websocket.WebSocketTimeoutException:
        raise Retryable(f"the job said nothing for {timeout:g} s") from None
    except (OSError, UnicodeError, websocket.WebSocketException) as error:
        raise Retryable(f"the connection was dropped ({one_line(error)})") from None
    if not message:
        raise Retryable("the connection was closed before the job had ended")
    return message
