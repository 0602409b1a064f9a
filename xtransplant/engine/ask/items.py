"""Examples as the engine reads them: prompts and candidate answers as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtransplant.engine.ask.tokenise import candidate_ids, prompt_ids, prompt_lengths
from xtransplant.engine.ask.word_tokens import aligned_tokens
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.prompts import Example

__all__ = ["Item", "example_lengths", "item_of"]


@dataclass(frozen=True)
class Item:
    """An example as token ids.

    Attributes:
        source, target: the prompts.
        source_candidates, target_candidates: the candidates after each.
        lengths: of the target's candidates, in characters; empty where none is chosen by the mean
            over them.
        exact_scores: the log-likelihood of every candidate is wanted; else, where that saves work,
            an upper bound of those that cannot be chosen.
        ranked: of the target's candidates' tokens all but the first are only ranked.
        more_sources: further source prompts, for the mean over all of them.
        aligned: pairs of a source and a target token at which aligned words end.
    """

    source: Sequence[int]
    target: Sequence[int]
    source_candidates: Sequence[Sequence[int]] = ()
    target_candidates: Sequence[Sequence[int]] = ()
    lengths: Sequence[int] = ()
    exact_scores: bool = True
    ranked: bool = False
    more_sources: Sequence[Sequence[int]] = ()
    aligned: Sequence[tuple[int, int]] = ()


def item_of(
    model: Model, example: Example, *, chat_template: bool = False, exact_scores: bool = True
) -> Item:
    """An example as token ids.

    Each prompt is followed by its own spelling of the candidates.

    Args:
        model: gives the tokenizer.
        example: its prompts and candidates.
        chat_template: pass both prompts through the checkpoint's chat template.
        exact_scores: as in :class:`Item`.

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
        lengths=tuple(max(1, len(text)) for text in example.candidates),
        exact_scores=exact_scores,
        more_sources=[
            prompt_ids(model, text, chat_template=chat_template) for _, text in example.sources
        ],
        aligned=aligned_tokens(model, example, source, target, chat_template=chat_template),
    )


def example_lengths(
    model: Model, examples: Sequence[Example], *, chat_template: bool = False
) -> list[list[int]]:
    """How many tokens each prompt of each example has: its sources, and last its target."""
    prompts = [[e.source, *(text for _, text in e.sources), e.target] for e in examples]
    texts = [text for own in prompts for text in own]
    counts = iter(prompt_lengths(model, texts, chat_template=chat_template))
    return [[next(counts) for _ in own] for own in prompts]
