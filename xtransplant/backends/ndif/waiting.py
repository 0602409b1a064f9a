"""Waiting for a job: on a websocket, where all its statuses arrive, or by asking for the last."""

from __future__ import annotations

import time

from xtransplant.backends.ndif.answers import Retryable, UnreadableAnswer
from xtransplant.backends.ndif.client import job_status, send
from xtransplant.backends.ndif.refusals import redacted
from xtransplant.backends.ndif.retry import polling, unreadable_again
from xtransplant.backends.ndif.server import Server
from xtransplant.backends.ndif.subscription import receive, subscribe
from xtransplant.compat.nnsight import RemoteBackend, RequestModel, ResponseModel, Status

__all__ = ["poll", "wait_on_websocket"]

_ENDED = (Status.COMPLETED, Status.ERROR)
# Seconds between looks at a job: the first pause, the longest, and their share of its time so far.
_FIRST_PAUSE, _LONGEST_PAUSE, _PAUSE_SHARE = 0.02, 2.0, 0.1
_UNKNOWN = 30.0  # seconds after which a job that the server does not know is lost


def wait_on_websocket(
    client: RemoteBackend, server: Server, request: RequestModel, payload: bytes
) -> ResponseModel:
    """Send a job, and the last of its statuses, which arrive on a websocket.

    Raises:
        Retryable: the connection is dropped, or the job says nothing new for too long.
        XTransplantError: the job is refused.
    """
    connection, request.session_id = subscribe(client, server.timeout, server.largest)
    try:
        response = send(client, request, payload)
        before, changed = _news(response), time.monotonic()
        while response.status not in _ENDED:
            _tell(client, server, response)
            left = server.timeout - (time.monotonic() - changed)
            if left <= 0:
                raise _silent(server)
            response = receive(connection, left, server.timeout)
            # What a block prints on its way says nothing of how far it is.
            if response.status != Status.LOG and _news(response) != before:
                before, changed = _news(response), time.monotonic()
    finally:
        connection.close()
    return response


def poll(
    client: RemoteBackend, server: Server, job: str, *, sent_before: bool = False
) -> ResponseModel:
    """The last status of a job, which is asked for from time to time.

    Args:
        client: who asks.
        server: how patiently.
        job: its id.
        sent_before: an earlier process sent it, so that a server has to know it at once; one that
            was sent just now may take a moment to be known.

    Raises:
        Retryable: the server does not know it, cannot be asked, or it says nothing new for too
            long.
        XTransplantError: the server refuses to tell, or what it tells cannot be read.
    """
    started = changed = time.monotonic()
    before: tuple[Status, str] | None = None
    while True:
        response = _look(client, server, job)
        now = time.monotonic()
        if response is None:
            if sent_before:
                raise Retryable("the server does not know it")
            if before is not None or now - started > min(_UNKNOWN, server.timeout):
                raise Retryable("the server has no word of the job")
        elif response.status in _ENDED:
            return response
        elif _news(response) != before:
            _tell(client, server, response)
            before, changed = _news(response), now
        if now - changed > server.timeout:
            raise _silent(server)
        pause = max(_FIRST_PAUSE, _PAUSE_SHARE * (now - started))
        server.turn.sleep(min(pause, _LONGEST_PAUSE))


def _look(client: RemoteBackend, server: Server, job: str) -> ResponseModel | None:
    """The status of a job, asked for as often as may help; None if the server knows none."""
    try:
        return polling(server)(job_status, client, job)
    except UnreadableAnswer as error:
        raise unreadable_again(server, error) from None


def _news(response: ResponseModel) -> tuple[Status, str]:
    """What of a status is news when it changes."""
    return response.status, response.description


def _tell(client: RemoteBackend, server: Server, response: ResponseModel) -> None:
    if server.say is not None:
        status = response.status.value.lower()
        server.say(f"job {redacted(client.api_key, response.id[:8])} {status}")


def _silent(server: Server) -> Retryable:
    return Retryable(f"the job said nothing for {server.timeout:g} s")
