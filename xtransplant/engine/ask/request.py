"""What a caller asks of the engine: an example under a strategy, and how texts are generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from xtransplant.engine.ask.items import Item, item_of
from xtransplant.engine.ask.memory import MemoryBudget
from xtransplant.engine.ask.variants import record_variants
from xtransplant.model.given import check_model
from xtransplant.model.model import Model
from xtransplant.prompts import Example
from xtransplant.strategies import Strategy, Variant

__all__ = ["Decoding", "Request", "RequestOptions", "make_request"]


class RequestOptions(TypedDict, total=False):
    """Keywords that :func:`xtransplant.score` and :func:`xtransplant.generate` share.

    Attributes:
        chat_template: pass both prompts through the checkpoint's chat template; False by default.
        memory_budget: bytes that the work may take beyond the model; by default half of what is
            free on its device.
    """

    chat_template: bool
    memory_budget: int | None


@dataclass(frozen=True)
class Decoding:
    """How texts are generated, and what is reported of them.

    Attributes:
        max_new_tokens: length of the longest continuation.
        source_text: also continue each source prompt; else its text is empty.
        with_certainty: also report how certain the model was of each token.
        share_histories: where the prefix is shared, run what variants have generated in common
            once below the layers they write at; the tokens are the same without.
    """

    max_new_tokens: int = 20
    source_text: bool = True
    with_certainty: bool = False
    share_histories: bool = True


@dataclass(frozen=True)
class Request:
    """An example as token ids, the variants of its grid, and the memory that they may take."""

    item: Item
    variants: list[Variant]
    memory: MemoryBudget


def make_request(
    model: Model,
    example: Example,
    strategy: Strategy,
    pairs: Sequence[tuple[int, int]],
    *,
    chat_template: bool = False,
    memory_budget: int | None = None,
) -> Request:
    """Record a strategy at each layer pair and tokenise an example.

    Args:
        model: a loaded model.
        example: its prompts and candidates.
        strategy: gives the edits of each pair.
        pairs: (source layer, target layer), counted from 0.
        chat_template: see :class:`RequestOptions`.
        memory_budget: see :class:`RequestOptions`.

    Raises:
        XTransplantError: an unusable prompt, candidate, strategy or budget.
    """
    check_model(model)
    bound = strategy.for_languages(example.source_lang, example.target_lang)
    return Request(
        variants=record_variants(model, bound, pairs),
        item=item_of(model, example, chat_template=chat_template),
        memory=MemoryBudget.of(model, memory_budget),
    )
