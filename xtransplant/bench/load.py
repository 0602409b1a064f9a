"""The model of a bench or a grid, loaded as its settings say."""

from __future__ import annotations

from dataclasses import asdict

from xtransplant.backends.local import Local
from xtransplant.backends.protocol import Backend, Say
from xtransplant.bench.config import ModelSpec
from xtransplant.model.checkpoint import find_checkpoint
from xtransplant.model.load import load
from xtransplant.model.model import Model

__all__ = ["load_model"]


def load_model(
    name: str, spec: ModelSpec, backend: Backend = Local(), note: Say | None = None
) -> Model:
    """A model; where it is not in this process, only what is needed to ask it there.

    Args:
        name: hub repository or folder: that of the specification, or the task's own.
        spec: which checkpoint, and how it is loaded.
        backend: where its traces run.
        note: called with what is being done meanwhile.

    Raises:
        XTransplantError: it cannot be loaded.
    """
    if note is not None:
        note(find_checkpoint(name, spec.gguf_file).loading)
    options = {option: value for option, value in asdict(spec).items() if option != "name"}
    return load(name, backend=backend, **options)
