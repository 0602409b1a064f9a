"""One request over http: no redirect is followed, nothing is read past its bound."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from xtransplant.backends.ndif.answers import Retryable, check_size
from xtransplant.errors import XTransplantError, one_line

__all__ = ["Answer", "origin_of", "request", "why_permanent"]

_CONNECTING = 10.0  # seconds
_MOST_JSON = 2**26  # bytes
_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"}
_UNKNOWN_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of http, 200 to 299 or 400 to 599.
        content: the body as it was sent.
    """

    status: int
    content: bytes


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    silence: float = 30.0,
    within: float | None = 120.0,
    largest: int = _MOST_JSON,
    **body: Any,
) -> Answer:
    """Send one request.

    Args:
        method: ``GET`` or ``POST``.
        url: where to; without a name or password.
        headers: besides ``accept-encoding``.
        silence: seconds without any bytes after which it has failed.
        within: seconds in which the whole answer has to come; None for any time.
        largest: bytes that the answer may have.
        **body: ``data`` and ``files`` as httpx takes them.

    Raises:
        Retryable: the network failed in a way that may be gone the next time.
        XTransplantError: it failed in a way that stays, the answer is too large, or is a redirect.
    """
    where, started = origin_of(url), time.monotonic()
    # Nothing that unpacks on the way, whose size is not known before it is unpacked.
    headers = {**(headers or {}), "accept-encoding": "identity"}
    timeout = httpx.Timeout(_CONNECTING, read=silence, write=silence)
    try:
        with (
            httpx.Client(timeout=timeout, verify=_trusted(), follow_redirects=False) as client,
            client.stream(method, url, headers=headers, **body) as answer,
        ):
            if answer.is_redirect:
                raise _redirected(where, answer.status_code, answer.headers.get("location", ""))
            if (encoding := answer.headers.get("content-encoding", "identity")) != "identity":
                raise XTransplantError(f"{where} packs its answer as {encoding!r}; is it NDIF?")
            length = answer.headers.get("content-length", "")
            check_size(int(length) if length.isdecimal() else 0, largest, f"an answer of {where}")
            content = bytearray()
            for chunk in answer.iter_raw():
                content += chunk
                check_size(len(content), largest, f"an answer of {where}")
                if within is not None and time.monotonic() - started > within:
                    raise Retryable(f"an answer took longer than {within:.0f} s")
            return Answer(answer.status_code, bytes(content))
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise XTransplantError(f"{where} is no URL to ask: {one_line(error)}") from None
    except httpx.HTTPError as error:
        if why := why_permanent(error):
            raise XTransplantError(f"{where} cannot be reached: {why}") from None
        raise Retryable(one_line(error) or type(error).__name__) from None


def why_permanent(error: BaseException) -> str:
    """Why a connection that failed will fail the next time too; empty if it may succeed."""
    for link in _chain(error):
        if isinstance(link, socket.gaierror) and link.errno in _UNKNOWN_HOST:
            return "there is no host of that name; check the URL"
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate is not to be trusted ({link.verify_message}); check the URL"
        if isinstance(link, ssl.SSLError) and link.reason in _NO_TLS:
            return "it does not speak https there; check port and scheme of the URL"
    return ""


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates to go by; read once, for a job is looked at many times."""
    return httpx.create_ssl_context()


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, whose path and query may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _redirected(where: str, status: int, location: str) -> XTransplantError:
    return XTransplantError(
        f"{where} answered {status}, a redirect to {origin_of(location) if location else '?'}, "
        "which is not followed; give the URL where the server itself is: --on ndif:URL"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(12):
        if error is None:
            return
        yield error
        # What a library wraps it may also hand over as its argument.
        inner = [one for one in error.args if isinstance(one, BaseException)]
        error = error.__cause__ or error.__context__ or (inner[0] if inner else None)
