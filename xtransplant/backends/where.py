"""What ``--on`` means."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from xtransplant.errors import XTransplantError, one_line

if TYPE_CHECKING:
    from xtransplant.model.load import Server

__all__ = ["Where", "check_url", "parse_on", "server_of"]

_KINDS = ("local", "ndif", "ray", "dry")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Where:
    """Where work runs.

    Attributes:
        kind: this process, an NDIF server, a pool of Ray actors, or nowhere.
        address: of the server or cluster; None for the configured or a new one.
        insecure: whether plain http to another machine is taken.
        at_once: how many jobs of a bench a server has under way together.
    """

    kind: Literal["local", "ndif", "ray", "dry"] = "local"
    address: str | None = None
    insecure: bool = False
    at_once: int = 4

    def __str__(self) -> str:
        return self.kind if self.address is None else f"{self.kind}:{self.address}"


def parse_on(text: str, *, insecure: bool = False, jobs: int | None = None) -> Where:
    """``local``, ``ndif``, ``ndif:URL``, ``ray``, ``ray:ADDRESS`` or ``dry``.

    Args:
        insecure: take plain http to another machine.
        jobs: of a bench on a server, under way together; 4 by default.

    Raises:
        XTransplantError: anything else, no jobs at all, what only a server goes by, or plain http
            to another machine: whoever is on the way could read the key and change the numbers.
    """
    kind, colon, address = text.partition(":")
    if kind not in _KINDS or (colon and (not address or kind in ("local", "dry"))):
        raise XTransplantError(
            f"--on {text!r} should be local, ndif, ndif:URL, ray, ray:ADDRESS or dry"
        )
    if kind == "ndif":
        check_url(address or os.environ.get("NDIF_HOST", ""), insecure=insecure)
    elif insecure or jobs is not None:
        flag = "--insecure" if insecure else f"--jobs {jobs}"
        raise XTransplantError(f"{flag} does nothing with --on {text}; it is about --on ndif")
    if jobs is not None and jobs < 1:
        raise XTransplantError(f"--jobs {jobs} do no work; give 1 or more")
    place = Where(kind, address or None, insecure)  # type: ignore[arg-type]
    return place if jobs is None else replace(place, at_once=jobs)


def server_of(where: Where, *, say: Callable[[str], None] | None = None) -> Server | None:
    """What a model is loaded with, so that its traces run there; None for this process.

    Args:
        say: told each status of a job, and what goes wrong with it.

    Raises:
        XTransplantError: a place where a single grid cannot run.
    """
    if where.kind == "local":
        return None
    if where.kind == "dry":
        from xtransplant.backends.dry import Nowhere

        return Nowhere()
    if where.kind != "ndif":
        raise XTransplantError(
            f"--on {where} runs whole benches: xtp bench --on {where}; a single grid runs on "
            "local or ndif"
        )
    from xtransplant.backends.ndif.server import Ndif

    server = Ndif(where.address or "", say=say, at_once=where.at_once, insecure=where.insecure)
    # Also where the URL is that of nnsight's own configuration.
    check_url(server.url, insecure=where.insecure)
    return server


def check_url(url: str, *, insecure: bool) -> None:
    """Whether a server may be asked: over https, or on this machine.

    Raises:
        XTransplantError: it may not, or it is no URL.
    """
    if not url:
        return  # nnsight's own configuration, looked at when it is read
    scheme, host, wrong = _parted(url)
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
    """Whether a result may be fetched from where a server says it lies.

    Over https, or over http from this machine if the server itself is on it.

    Raises:
        XTransplantError: it may not.
    """
    scheme, host, wrong = _parted(url, query=True)
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


def _parted(url: str, *, query: bool = False) -> tuple[str, str, str]:
    """Scheme and host of a URL, and what is wrong with it, if anything is.

    Args:
        query: it may have a query, as signed ones do.
    """
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname or "", parts.port
    except ValueError as error:
        return "", "", one_line(error)
    if not url.isprintable() or " " in url:
        return "", "", "it holds a space or a control character"
    # As nnsight compares it: in small letters.
    if not url.startswith(("http://", "https://")):
        return "", "", "it has to begin with https://"
    if not host:
        return "", "", "it names no host"
    if parts.username is not None or parts.password is not None:
        return "", "", "it holds a name or password, which would be written into every run"
    if not query and (parts.query or parts.fragment):
        return "", "", "it goes on after the server's address"
    return scheme, host, ""
