"""What ``xtp doctor`` and ``xtp models`` ask of a server, or of a model here."""

from __future__ import annotations

from xtransplant.backends.ndif.doctor import Finding, deployed, examine
from xtransplant.backends.ndif.server import Ndif
from xtransplant.backends.where import check_url, parse_on
from xtransplant.engine.verify import packing_for
from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model, load

__all__ = ["diagnose", "models_on"]


def diagnose(on: str, model: str | None, *, insecure: bool = False) -> list[Finding]:
    """Everything :func:`examine` looks at and, with a model, whether packing is exact on it there.

    With ``local``, a model here: its sites, how its prompts begin, and packing.

    Raises:
        XTransplantError: ``on`` is neither a server nor ``local``, or ``local`` without a model,
            or one that does not load.
    """
    if on == "local":
        if model is None:
            raise XTransplantError("--on local looks at a model: name it, -m REPOSITORY|FOLDER")
        return _of_model(load(model))
    server = _server(on, insecure=insecure)
    found = examine(server, model)
    # Without the key or the server nothing can be run.
    if model is None or not all(one.ok for one in found[:2]):
        return found
    try:
        return [*found, *_of_model(load(model, server=server))]
    except XTransplantError as error:
        return [*found, Finding(False, str(error))]


def _of_model(model: Model) -> list[Finding]:
    """A model's layout, how its prompts begin, and how its variants run."""
    here = "here" if model.server is None else "there"
    check = packing_for(model)
    packed = check.packing.together
    where = f"{model.name} {here}" + (f" (in {check.half}, which rounds)" if check.half else "")
    what = f"{check.packing}, {check.measured}" if packed else check.note
    return [
        Finding(
            True,
            f"{model.name}: {model.config.model_type}, {model.n_layers} layers, sites "
            f"{', '.join(model.sites)}",
        ),
        Finding(not model.beginning.missing, f"{model.name}: {model.beginning.note}"),
        Finding(packed, f"{where}: {what}"),
    ]


def models_on(on: str, *, insecure: bool = False) -> list[dict[str, str]]:
    """What a server has deployed.

    Raises:
        XTransplantError: ``on`` is no server, or it cannot be reached.
    """
    return deployed(_server(on, insecure=insecure))


def _server(on: str, *, insecure: bool) -> Ndif:
    where = parse_on(on, insecure=insecure)
    if where.kind != "ndif":
        raise XTransplantError(f"--on {on} is no server to ask; give ndif or ndif:URL")
    server = Ndif(where.address or "", attempts=2, insecure=insecure)
    check_url(server.url, insecure=insecure)
    return server
