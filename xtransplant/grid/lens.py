"""The logit lens of a transplanted run: what the model would answer if it ended after each layer.

After layer l the residual stream goes through the model's own final norm and unembedding, as if the
later layers were not there (nostalgebraist, "interpreting GPT: the logit lens", 2020). Here that is
an edit like any other: the stream after layer l is written where the last layer's stands. So all
layers of a run are variants of one trace, in every packing and on every backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtransplant.engine.ask.items import item_of
from xtransplant.engine.ask.variants import existing_pairs, shape_of
from xtransplant.engine.score import score_items
from xtransplant.engine.verify import packing_for
from xtransplant.errors import XTransplantError
from xtransplant.grid.lens_data import LensData
from xtransplant.grid.lens_shown import draw_lens, lens_html, lens_text, render_lens
from xtransplant.model.given import check_model
from xtransplant.model.model import Model
from xtransplant.prompts import Example, as_example
from xtransplant.strategies import Edit, Strategy
from xtransplant.strategies.edits import PREFILL, through_of
from xtransplant.strategies.places import LAST
from xtransplant.strategies.recorder import record
from xtransplant.strategies.registry import as_strategy

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

__all__ = ["Lens", "lens"]


@dataclass(frozen=True)
class Lens(LensData):
    """Probabilities after every layer, as data and to look at.

    rich prints it as the table of ``xtp lens``, a notebook as a small one. Its attributes are those
    of :class:`LensData`.
    """

    def plot(self, path: str | Path | None = None) -> Figure:
        """Probability against layer, a line per run.

        Args:
            path: where to save it, ``.png``, ``.svg`` or ``.pdf``; not saved by default.

        Raises:
            XTransplantError: another suffix, or a place that cannot be written to.
        """
        return draw_lens(self, path)

    def __rich__(self) -> Group:
        """What ``rich.print`` shows."""
        return render_lens(self)

    def __repr__(self) -> str:
        return lens_text(self)

    def _repr_html_(self) -> str:
        return lens_html(self)


def lens(
    model: Model,
    example: Example | tuple[str, str],
    strategy: Strategy | str,
    pair: tuple[int, int],
    *,
    chat_template: bool = False,
) -> Lens:
    """The logit lens of an example's three runs: its source, its target, and the transplanted one.

    Args:
        model: from :func:`xtransplant.load`.
        example: its two prompts, with candidates and the right answer among them.
        strategy: a strategy, its name or its file; its edits have to act on the next token.
        pair: source and target layer, from 0.
        chat_template: pass both prompts through the checkpoint's chat template.

    Raises:
        XTransplantError: no right answer, an unusable prompt, layer or strategy, a raw one, or one
            that changes no next token.
    """
    check_model(model)
    chosen, example = as_strategy(strategy), as_example(example)
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise XTransplantError(f"a layer pair is two numbers, as in (12, 1), not {pair!r:.60}")
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
