"""Which URLs may be asked: of a server, and of where it says that a result lies."""

from __future__ import annotations

from urllib.parse import urlsplit

from xtransplant.errors import XTransplantError, one_line

__all__ = ["check_result_url", "check_url"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def check_url(url: str, *, insecure: bool) -> None:
    """Refuse a server that is neither asked over https nor on this machine.

    Args:
        url: of the server; empty for that of nnsight's configuration, which is checked when it is
            read.
        insecure: allow plain http to another machine.

    Raises:
        XTransplantError: plain http to another machine, or no URL.
    """
    if not url:
        return
    scheme, host, wrong = _split(url)
    if wrong:
        shown = "".join(one if one.isprintable() else "?" for one in url)
        raise XTransplantError(
            f"--on ndif:{shown} should be a URL, such as ndif:https://api.ndif.us: {wrong}"
        )
    if scheme == "http" and host not in _LOOPBACK and not insecure:
        raise XTransplantError(
            f"{url} is plain http: anyone on the way could read your key and change the answers; "
            "use https, or --insecure if you know the network"
        )


def check_result_url(url: str, server: str, *, insecure: bool) -> None:
    """Refuse to fetch a result from where a server says it lies.

    Https is allowed, and http from this machine if the server itself is on it.

    Raises:
        XTransplantError: anything else, unless ``insecure``; or no URL.
    """
    scheme, host, wrong = _split(url, query=True)
    if wrong:
        shown = "".join(one if one.isprintable() else "?" for one in url[:60])
        raise XTransplantError(
            f"{server} says that its result lies at {shown!r}, which was not fetched: {wrong}"
        )
    near = host in _LOOPBACK and urlsplit(server).hostname in _LOOPBACK
    if scheme == "http" and not near and not insecure:
        raise XTransplantError(
            f"{server} says that its result lies at http://{host}, which was not fetched: anyone "
            "on the way could change it; it has to be https, or --insecure if you know the network"
        )


def _split(url: str, *, query: bool = False) -> tuple[str, str, str]:
    """Scheme and host of a URL, and what is wrong with it (empty if nothing is).

    Args:
        url: any text.
        query: allow a query, which signed URLs have.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        return "", "", one_line(error)
    named = parts.username is not None or parts.password is not None
    faults = {
        "it holds a space or a control character": not url.isprintable() or " " in url,
        # Not by the parsed scheme: nnsight compares in small letters.
        "it has to begin with https://": not url.startswith(("http://", "https://")),
        "it names no host": not host,
        "it holds a name or password, which would be written into every run": named,
        "it goes on after the server's address": bool(parts.query or parts.fragment) and not query,
    }
    return parts.scheme, host, next((fault for fault, holds in faults.items() if holds), "")
