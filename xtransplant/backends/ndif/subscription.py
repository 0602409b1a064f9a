"""The websocket on which a job's statuses arrive."""

from __future__ import annotations

import json
from typing import Any

import websocket

from xtransplant.backends.ndif.answers import Retryable, UnreadableAnswer, check_size, read_status
from xtransplant.backends.ndif.http import why_permanent
from xtransplant.backends.ndif.refusals import key_header, refusal
from xtransplant.compat.nnsight import RemoteBackend, ResponseModel
from xtransplant.errors import XTransplantError, one_line

__all__ = ["receive", "subscribe"]


def subscribe(client: RemoteBackend, timeout: float, largest: int) -> tuple[Any, str]:
    """Open a websocket for the statuses of one job.

    Args:
        client: who will send the job.
        timeout: seconds.
        largest: bytes that may come over it in all.

    Returns:
        The connection, and the id of its session.

    Raises:
        Retryable: it cannot be opened now.
        XTransplantError: it cannot be opened.
    """
    connection = _connect(client, timeout)
    try:
        if (status := connection.getstatus()) != 101:
            raise refusal(client, status or 0, "")
        _bound(connection, client.host, largest)
        message = _message(connection, timeout)
        try:
            return connection, str(json.loads(message)["session_id"])
        except (ValueError, TypeError, LookupError):
            raise UnreadableAnswer("the session's first message could not be read") from None
    except BaseException:
        connection.close()
        raise


def receive(connection: Any, left: float, timeout: float) -> ResponseModel:
    """The next status of a job.

    Args:
        connection: as :func:`subscribe` gives it.
        left: seconds in which it has to come.
        timeout: seconds that a job may say nothing new, of which these are left; for the message.

    Raises:
        Retryable: none comes, or none that can be read.
    """
    connection.settimeout(left)
    return read_status(_message(connection, timeout))


def _connect(client: RemoteBackend, timeout: float) -> Any:
    try:
        return websocket.create_connection(
            f"{client.ws_host}/subscribe",
            header=key_header(client.api_key),
            timeout=timeout,
            # The key would go along.
            redirect_limit=0,
        )
    except websocket.WebSocketBadStatusException as error:
        raise refusal(client, error.status_code, "") from None
    except (OSError, ValueError, websocket.WebSocketException) as error:
        why = why_permanent(error)
        if not why and "redirect" in str(error).lower():
            why = "it answers with a redirect, which is not followed; give the server's own URL"
        if why:
            raise XTransplantError(f"{client.host} cannot be reached: {why}") from None
        raise Retryable(f"cannot connect ({one_line(error)})") from None


def _bound(connection: Any, host: str, largest: int) -> None:
    """Let no more than so many bytes come over a websocket."""
    read, received = connection.frame_buffer.recv_strict, 0

    def counted(size: int) -> bytes:
        nonlocal received
        received += size
        check_size(received, largest, f"what {host} sends")
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
