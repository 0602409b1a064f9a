"""The logit lens of a transplanted run: what the model would answer if it ended after each layer.

After layer l the residual stream goes through the model's own final norm and unembedding, as if the
later layers were not there (nostalgebraist, "interpreting GPT: the logit lens", 2020). Here that is
an edit like any other: the stream after layer l is written where the last layer's stands. So all
layers of a run are variants of one trace, in every packing and on every backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.variants import existing_pairs, shape_of
from xtransplant.engine.score import score_items
from xtransplant.engine.verify import packing_for
from xtransplant.errors import XTransplantError
from xtransplant.model.model import Model
from xtransplant.prompts import Example
from xtransplant.strategies import Edit, Strategy, find_strategy
from xtransplant.strategies.edits import PREFILL, through_of
from xtransplant.strategies.places import LAST
from xtransplant.strategies.recorder import record

__all__ = ["RUNS", "Lens", "lens"]

RUNS = ("source", "target", "transplanted")
"""The source prompt and the target prompt by themselves, and the target with the transplant."""


@dataclass(frozen=True)
class Lens:
    """Probabilities after every layer, at the token that the answer comes after.

    Attributes:
        model, strategy: their names.
        pair: source and target layer, from 0.
        answer, source_answer: the answer as it is spelled after the target and after the source;
            its first token is what is followed, shown as text in ``tokens``.
        tokens: the first token of either.
        probabilities: by run of :data:`RUNS`, float64 ``[n_layers, 2]``, of the two tokens.
        tops: by run, ``[n_layers]``, the likeliest token after each layer.
    """

    model: str
    strategy: str
    pair: tuple[int, int]
    answer: str
    source_answer: str
    tokens: tuple[str, str]
    probabilities: dict[str, np.ndarray[Any, np.dtype[np.float64]]]
    tops: dict[str, tuple[str, ...]]

    @property
    def n_layers(self) -> int:
        """How many layers the model has."""
        return len(self.tops["target"])


def lens(
    model: Model,
    example: Example,
    strategy: Strategy | str,
    pair: tuple[int, int],
    *,
    chat_template: bool = False,
) -> Lens:
    """The logit lens of an example's three runs: its source, its target, and the transplanted one.

    Args:
        model: from :func:`xtransplant.load`.
        example: its two prompts, with candidates and the right answer among them.
        strategy: a strategy, its name, or the path of its file; its edits have to act on the next
            token.
        pair: source and target layer, from 0.
        chat_template: pass both prompts through the checkpoint's chat template.

    Raises:
        XTransplantError: no right answer, an unusable prompt, layer or strategy, a raw one, or one
            that changes no next token.
    """
    chosen = find_strategy(strategy) if isinstance(strategy, str) else strategy
    own = chosen.for_languages(example.source_lang, example.target_lang)
    item = item_of(model, example, chat_template=chat_template)
    at = _answer(example)
    first = item.target_candidates[at][0], item.source_candidates[at][0]
    existing_pairs(model, own, [pair])
    plain = _cut_short(model, None, pair)
    runs = {
        "source": (item.source, plain),
        "target": (item.target, plain),
        "transplanted": (item.target, _cut_short(model, own, pair)),
    }
    packing, probabilities, tops = packing_for(model).packing, {}, {}
    for name, (prompt, variants) in runs.items():
        # Each prompt is read by itself, so that what is followed is one token after either.
        asked = replace(
            item,
            source=item.source if name == "transplanted" else prompt,
            target=prompt,
            source_candidates=[[token] for token in first],
            target_candidates=[[token] for token in first],
        )
        (found,) = score_items(model, [asked], variants, packing=packing, top_k=1)
        probabilities[name] = np.exp(found.logprobs)
        tops[name] = tuple(top[0] for top in found.top_tokens)
    decoded = [model.tokenizer.decode([token]) for token in first]
    return Lens(
        model=model.name,
        strategy=str(chosen),
        pair=pair,
        answer=str(example.answer),
        source_answer=(example.source_candidates or example.candidates)[at],
        tokens=(decoded[0], decoded[1]),
        probabilities=probabilities,
        tops=tops,
    )


def _answer(example: Example) -> int:
    """Which candidate is the right answer."""
    if example.answer is None or example.answer not in example.candidates:
        raise XTransplantError(
            "the lens follows the right answer: say which of the candidates it is, with --answer"
        )
    return list(example.candidates).index(example.answer)


def _cut_short(
    model: Model, strategy: Strategy | None, pair: tuple[int, int]
) -> list[tuple[Edit, ...]]:
    """Per layer, a strategy's edits and the one that ends the model after that layer."""
    shape = shape_of(model)
    edits = () if strategy is None else strategy.edits(shape, *pair)
    when, through = _acts(edits, strategy)
    # What is written there over several tokens is read over the same ones.
    spans = {edit.span for edit in edits if edit.site == "resid_post"}
    span = spans.pop() if len(spans) == 1 else LAST
    tokens = slice(span.start, span.stop)
    last = model.n_layers - 1

    def of(layer: int) -> tuple[Edit, ...]:
        def function(source: Any, target: Any, i: int, j: int) -> None:
            if strategy is not None:
                strategy.function(source, target, i, j, **strategy.arguments())
            stream = target.during(when, through=through).resid_post
            if layer < last or strategy is None:
                stream[last, tokens] = stream[layer, tokens]

        return record(function, shape, *pair, {})

    return [of(layer) for layer in range(model.n_layers)]


def _acts(edits: Sequence[Edit], strategy: Strategy | None) -> tuple[str, str]:
    """When a strategy's edits act and through what, so that the lens acts alike."""
    if not edits:
        return str(PREFILL), "both"
    through = through_of(edits)
    if through == "cache" or not any(edit.when.prefill for edit in edits):
        raise XTransplantError(
            f"strategy {strategy} leaves the next token as it is, and that is what the lens is of: "
            "take one that acts in the prefill, through both or through logits"
        )
    whens = {edit.when for edit in edits}
    return str(whens.pop() if len(whens) == 1 else PREFILL), through
