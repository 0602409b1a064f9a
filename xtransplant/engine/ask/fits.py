"""Whether a fit is of the model that is to use it."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from xtransplant.errors import XTransplantError
from xtransplant.model.identity import config_text, weights_digest
from xtransplant.model.model import Model
from xtransplant.strategies import Fit, Strategy
from xtransplant.strategies.fit import PRINTED
from xtransplant.strategies.fit_command import FitOn
from xtransplant.text import text_digest

__all__ = ["check_fit", "fit_model"]

_KNOWN: WeakKeyDictionary[Model, dict[str, Any]] = WeakKeyDictionary()


def fit_model(model: Model) -> dict[str, Any]:
    """What tells a model from others, for the manifest of a fit.

    Every weight is read, once: what was fitted to one checkpoint says nothing of another.
    """
    if model not in _KNOWN:
        here = model.backend.in_process
        _KNOWN[model] = {
            "name": model.name,
            "n_layers": model.n_layers,
            "d_model": model.d_model,
            "dtype": str(model.dtype).removeprefix("torch."),
            "config": text_digest(config_text(model)),
            "weights": weights_digest(model.module) if here else None,
        }
    return _KNOWN[model]


def check_fit(model: Model, strategy: Strategy) -> None:
    """Refuse a fit of another model than the one it is used on, and none where one is needed.

    Args:
        model: a loaded model.
        strategy: with its fit, if it takes one.

    Raises:
        XTransplantError: it is, or there is none.
    """
    strategy.check_fitted(FitOn(model=model.name))
    for part in strategy.parts:
        if part.fit is not None and part.fit is not PRINTED:
            _check_one(model, part.fit, part.command)


def _check_one(model: Model, fit: Fit, command: str) -> None:
    now, then = fit_model(model), fit.manifest["model"]
    for what in ("n_layers", "d_model", "dtype", "config", "weights"):
        # Where weights are elsewhere, what is known of them is the name.
        unknown = None in (now[what], then[what])
        key = "name" if unknown else what
        if now[key] != then[key]:
            raise XTransplantError(
                f"the fit in {fit.path!r} is of another model: {then['name']}, whose {key} is "
                f"{str(then[key])[:40]}, not {str(now[key])[:40]} as {model.name}'s is; fit anew: "
                f"xtp fit {command} -m {model.name} ..."
            )
