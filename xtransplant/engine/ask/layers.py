"""Which layers a grid reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from xtransplant.engine.ask.variants import existing_pairs
from xtransplant.errors import MissingSite, XTransplantError
from xtransplant.model.model import Model
from xtransplant.strategies import Strategy

__all__ = ["existing_layers", "layers_of_all"]


def existing_layers(
    model: Model,
    strategy: Strategy,
    source_layers: Sequence[int] | None,
    target_layers: Sequence[int] | None,
) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """Source and target layers whose pairs all exist, and what was left out, in a line.

    Of all of a model's layers, those are left out at which a strategy finds nothing to read or
    write (another kind of layer, or ``j + 1`` of the last); of layers that were named, none is.

    Args:
        model: has the layers.
        strategy: what happens at each pair.
        source_layers: numbers of the layers to read; all by default.
        target_layers: numbers of the layers to write; all by default.

    Raises:
        MissingSite: a layer that was named has not what is asked for, or no pair exists.
        XTransplantError: no layers, or one that the model has not.
    """
    from_layers = _layers(model, "source", source_layers)
    to_layers = _layers(model, "target", target_layers)
    existing = existing_pairs(model, strategy, product(from_layers, to_layers))
    if not existing.missing:
        return from_layers, to_layers, ""
    kept: list[tuple[int, ...]] = []
    for end, layers in enumerate((from_layers, to_layers)):
        left = {pair[end] for pair in existing.pairs}
        # Named ones stay, so that recording them says what they lack.
        every = len(layers) == model.n_layers
        kept.append(tuple(layer for layer in layers if not every or layer in left))
    return kept[0], kept[1], existing.note


def layers_of_all(
    model: Model,
    strategies: Sequence[Strategy],
    source_layers: Sequence[int] | None,
    target_layers: Sequence[int] | None,
) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """:func:`existing_layers` that several strategies have in common, such as those of a sweep.

    Raises:
        MissingSite: as there, or they have none in common.
        XTransplantError: as there.
    """
    found = [existing_layers(model, one, source_layers, target_layers) for one in strategies]
    sources, targets = _common([one[0] for one in found]), _common([one[1] for one in found])
    if not sources or not targets:
        raise MissingSite(f"{strategies[0].name}: no layer is there at every value of the sweep")
    return sources, targets, "; ".join(dict.fromkeys(one[2] for one in found if one[2]))


def _common(sides: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(layer for layer in sides[0] if all(layer in side for side in sides))


def _layers(model: Model, name: str, layers: Sequence[int] | None) -> tuple[int, ...]:
    """The layers asked for; all by default.

    Raises:
        XTransplantError: none, or one that the model has not.
    """
    everything = range(model.n_layers)
    if layers is not None and (isinstance(layers, str) or not isinstance(layers, Iterable)):
        raise XTransplantError(
            f"{name}_layers are numbers, as in [0, 4] or range({model.n_layers}), not {layers!r}"
        )
    chosen = tuple(everything if layers is None else layers)
    wrong = [layer for layer in chosen if layer not in everything]
    if wrong or not chosen:
        raise XTransplantError(
            f"{name} layers {wrong} are out of range: "
            f"{model.name} has layers 0 to {model.n_layers - 1}"
        )
    return chosen
