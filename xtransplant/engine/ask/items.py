"""Examples as the engine reads them: prompts and candidate answers as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtransplant.engine.ask.tokenise import candidate_ids, prompt_ids
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.prompts import Example

__all__ = ["Item", "item_of"]


@dataclass(frozen=True)
class Item:
    """An example as token ids."""

    source: Sequence[int]
    target: Sequence[int]
    source_candidates: Sequence[Sequence[int]] = ()
    target_candidates: Sequence[Sequence[int]] = ()


def item_of(model: Model, example: Example, *, chat_template: bool = False) -> Item:
    """An example as token ids.

    Each prompt is followed by its own spelling of the candidates.

    Raises:
        XTransplantError: an unusable prompt or candidate, or candidates that are not as many after
            one prompt as after the other.
    """
    spelled = example.source_candidates or example.candidates
    if len(spelled) != len(example.candidates):
        raise XTransplantError(
            f"example {example.id!r} has {len(spelled)} candidates after its source and "
            f"{len(example.candidates)} after its target; they should be the same ones"
        )
    source = prompt_ids(model, example.source, chat_template=chat_template)
    target = prompt_ids(model, example.target, chat_template=chat_template)
    return Item(
        source,
        target,
        candidate_ids(model, example.source, source, spelled, chat_template=chat_template),
        candidate_ids(
            model, example.target, target, example.candidates, chat_template=chat_template
        ),
    )
