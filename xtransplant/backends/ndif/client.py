"""The requests of NDIF's protocol that go over http: send a job, look at it, fetch its result."""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from xtransplant.backends.ndif.answers import (
    Retryable,
    UnreadableAnswer,
    check_size,
    read_result,
    read_status,
)
from xtransplant.backends.ndif.http import Answer, origin_of, request
from xtransplant.backends.ndif.refusals import RETRYABLE, detail_of, key_header, refusal
from xtransplant.backends.ndif.server import LARGEST
from xtransplant.backends.ndif.urls import check_result_url
from xtransplant.compat.nnsight import RemoteBackend, RequestModel, ResponseModel
from xtransplant.errors import XTransplantError

__all__ = ["Gone", "fetch", "job_status", "send"]

_GONE = frozenset({403, 404, 410})  # what a store answers for a URL that has run out
# What a server puts on disk before it reads it; NDIF 0.1.2 with anyio 4.16 then fails.
_SPOOLED = 2**20
_LARGE = (
    "some releases of NDIF cannot read a job of more than a megabyte: hold less in the strategy's "
    "own functions (--on dry says how much it sends)"
)
_UPLOAD = 600.0  # seconds without an answer after which sending a job has failed


class Gone(Retryable):
    """A result that is no longer where it was put."""


def send(client: RemoteBackend, job: RequestModel, payload: bytes) -> ResponseModel:
    """Send a job.

    Args:
        client: who sends it.
        job: its description, as the server reads it.
        payload: the serialized session.

    Returns:
        Its first status.

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
        answer = request(
            "POST",
            f"{client.host}/request",
            headers=headers,
            silence=_UPLOAD,
            within=None,
            data={"data": job.metadata()},
            files={"blob": ("request", payload, "application/octet-stream")},
        )
    except Retryable as error:
        raise Retryable(f"the job could not be sent ({error})") from None
    if answer.status >= 400:
        large = answer.status == 400 and len(payload) > _SPOOLED
        raise refusal(client, answer.status, detail_of(answer), _LARGE if large else "")
    return _status(answer)


def job_status(client: RemoteBackend, job: str) -> ResponseModel | None:
    """The last status of a job that no websocket belongs to; None if the server knows none.

    Raises:
        Retryable: it cannot be had now, or not be read.
        XTransplantError: it cannot be had.
    """
    url = f"{client.host}/response/{quote(job, safe='')}"
    try:
        answer = request("GET", url, headers=key_header(client.api_key))
    except Retryable as error:
        raise Retryable(f"the job could not be looked at ({error})") from None
    if answer.status == 404:
        return None
    if answer.status >= 400:
        raise refusal(client, answer.status, "")
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
        client: who sent the job.
        response: the job's last status, with the result or its URL.
        insecure: fetch it over plain http from another machine too.
        largest: bytes that it may have, as received and unpacked.

    Raises:
        Gone: it is no longer there.
        UnreadableAnswer: what is there is damaged.
        Retryable: it cannot be fetched now.
        XTransplantError: it may not be fetched, or is not what was asked for.
    """
    content = response.data
    if isinstance(content, str) and content:
        check_result_url(content, client.host, insecure=insecure)
        content = _download(client, content, largest)
    if not isinstance(content, bytes):
        raise UnreadableAnswer("the job ended and names no result")
    check_size(len(content), largest, f"a result of {client.host}")
    return read_result(content, client.host, compressed=bool(client.compress), largest=largest)


def _download(client: RemoteBackend, url: str, largest: int) -> bytes:
    """A result from where the server says it lies."""
    try:
        # Without the key: the URL itself is the permission.
        answer = request("GET", url, silence=_UPLOAD, within=None, largest=largest)
    except Retryable as error:
        raise Retryable(f"the result could not be fetched ({error})") from None
    if answer.status in _GONE:
        raise Gone(f"the result could not be fetched ({answer.status})")
    if answer.status in RETRYABLE:
        raise Retryable(f"the result could not be fetched ({answer.status})")
    if answer.status >= 400:
        raise XTransplantError(
            f"the result of a job on {client.host} cannot be fetched: {origin_of(url)} answered "
            f"{answer.status}"
        )
    return answer.content


def _status(answer: Answer) -> ResponseModel:
    """A status that came over http."""
    return read_status(answer.content.decode(errors="replace"))
