"""What ``xtp doctor`` and ``xtp models`` ask of a server, or of a model here."""

from __future__ import annotations

from xtransplant.backends.protocol import Backend, Finding
from xtransplant.backends.registry import backends, parse_on
from xtransplant.engine.packing_check import PackingCheck
from xtransplant.engine.verify import packing_for
from xtransplant.errors import XTransplantError
from xtransplant.model.checkpoint import check_gguf, find_checkpoint
from xtransplant.model.load import load
from xtransplant.model.model import Model

__all__ = ["diagnose", "models_on"]


def diagnose(
    on: str,
    model: str | None,
    *,
    gguf_file: str | None = None,
    insecure: bool = False,
    verify: bool = False,
) -> list[Finding]:
    """What a backend finds out about itself and, with a model, whether packing is exact there.

    In this process, a model's sites, how its prompts begin, and packing.

    Args:
        on: as the flag takes it.
        model: repository or folder.
        gguf_file: which of its files.
        insecure: plain http to another machine is allowed.
        verify: verify packing also where that is remembered.

    Raises:
        XTransplantError: ``on`` is neither a server nor this process; or it is this process, and
            no model is named, or one that does not load.
    """
    backend = parse_on(on, insecure=insecure)
    if backend.in_process:
        if model is None:
            raise XTransplantError(
                f"--on {on} looks at a model: name it, -m REPOSITORY, FOLDER or FILE.gguf"
            )
        return _of_model(load(model, gguf_file=gguf_file), anew=verify)
    if model is not None:
        check_gguf(find_checkpoint(model, gguf_file), backend)
    server = _server(backend)
    found = server.examine(model)
    # Without the key or the server nothing can be run.
    if model is None or not all(one.ok for one in found[:2]):
        return found
    try:
        return [*found, *_of_model(load(model, backend=server), anew=verify)]
    except XTransplantError as error:
        return [*found, Finding(False, str(error))]


def _of_model(model: Model, *, anew: bool) -> list[Finding]:
    """A model's layout, how its prompts begin, and how its variants run."""
    here = "here" if model.backend.in_process else "there"
    check = packing_for(model, anew=anew)
    packed = check.packing.together
    where = f"{model.name} {here}" + (f" (in {check.half}, which rounds)" if check.half else "")
    what = f"{check.packing}, {check.measured}" if packed else check.note
    return [
        Finding(
            True,
            f"{model.name}: {model.config.model_type}, {model.n_layers} layers, sites "
            f"{', '.join(model.sites)}",
        ),
        *(Finding(True, f"{model.name}: {line}") for line in _kinds(model)),
        Finding(not model.beginning.missing, f"{model.name}: {model.beginning.note}"),
        # One variant per row is right, too: it takes longer, and the note says why.
        Finding(True, f"{where}: {what}; {_memory_of(check)}"),
    ]


def _memory_of(check: PackingCheck) -> str:
    """Whether a finding is remembered, since when and where."""
    if check.file:
        return f"remembered since {check.since} in {check.file}"
    return "not remembered: every process verifies it"


def _kinds(model: Model) -> list[str]:
    """Of a model with several kinds of layers, per kind which layers are of it, and their sites."""
    if len(set(model.kinds)) < 2:
        return []
    lines = []
    for kind in dict.fromkeys(model.kinds):
        own = [layer for layer, other in enumerate(model.kinds) if other == kind]
        which = ", ".join(map(str, own))
        sites = ", ".join(model.sites_at(own[0]))
        lines.append(f"{kind or 'attention'} layers {which}: sites {sites}")
    return lines


def models_on(on: str, *, insecure: bool = False) -> list[dict[str, str]]:
    """What a server has deployed.

    Raises:
        XTransplantError: ``on`` is no server, or it cannot be reached.
    """
    return _server(parse_on(on, insecure=insecure)).deployed()


def _server(backend: Backend) -> Backend:
    """A backend that hosts models, asked with little patience.

    Raises:
        XTransplantError: it hosts none, or may not be asked.
    """
    if not backend.hosts_models:
        hosts = [kind for kind in backends().values() if kind.hosts_models]
        right = " or ".join(f"{kind.name} or {kind.name}:{kind.address_hint}" for kind in hosts)
        raise XTransplantError(f"--on {backend} is no server to ask; give {right}")
    backend.check()
    return backend.reporting(None, attempts=2)
