"""Generate: what the model says in every variant, greedily, from one run of the shared prefix."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from xtransplant.engine.ask.cost import estimate_cost
from xtransplant.engine.ask.halving import Demand, run_in_chunks
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import MemoryBudget, stored_bytes
from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import Variants, record_variants
from xtransplant.engine.compile.shared_prefix import KeysValues
from xtransplant.engine.outcome import Writes, same
from xtransplant.engine.trace.batch import Batch
from xtransplant.engine.trace.decoding import Prefill, decode
from xtransplant.engine.trace.decoding_rows import NextTokens
from xtransplant.engine.trace.greedy import Certainty, end_ids
from xtransplant.engine.trace.raw import generate_scripts, token_forwards
from xtransplant.engine.trace.rows import continue_rows
from xtransplant.engine.trace.sources import Sources
from xtransplant.model.load import Model
from xtransplant.packing import ROWS, Layout, Packing
from xtransplant.prompts import Example
from xtransplant.strategies import Script, Strategy, Variant, parted

__all__ = ["Generations", "generate", "generate_edits", "generate_items"]


@dataclass(frozen=True)
class Generations:
    """What :func:`generate` found.

    Attributes:
        outputs: per variant, the text generated (special tokens left out).
        token_ids: per variant, its ids, up to and with the token that ended it.
        finite: per variant, whether every step's logits were numbers, and not infinitely high.
        unchanged: per variant, whether it says what the target says without a transplant, its
            first token as probably: to the bit (within rounding under a raw strategy).
        vanilla, source: text of the target and of the source without a transplant.
        vanilla_finite, source_finite: as ``finite``.
        packing: how the variants ran.
        forward_passes: how many the whole took.
        token_forwards: how many times a token went through the whole model; a part of its layers
            counts as that part.
        seconds: wall-clock time.
        vanilla_ids: ids of the target without a transplant.
        certainty: of the target without a transplant and of each variant, per token: its
            log-probability and how far behind it the next likeliest was, in nats; empty if not
            asked for, and of raw strategies.
        writes: norms and cosines of every write in the prefill; None where they were not
            measured, and of raw strategies.
    """

    outputs: tuple[str, ...]
    token_ids: tuple[tuple[int, ...], ...]
    vanilla: str
    source: str
    packing: Packing
    forward_passes: int
    token_forwards: float
    seconds: float
    finite: tuple[bool, ...]
    unchanged: tuple[bool, ...]
    vanilla_finite: bool
    source_finite: bool
    vanilla_ids: tuple[int, ...] = ()
    certainty: tuple[tuple[tuple[float, float], ...], ...] = ()
    writes: Writes | None = None


def generate(
    model: Model,
    example: Example,
    strategy: Strategy,
    pairs: Sequence[tuple[int, int]],
    *,
    packing: Packing,
    max_new_tokens: int = 20,
    chat_template: bool = False,
    memory_budget: int | None = None,
) -> Generations:
    """Greedy continuation of the target under a strategy at each layer pair.

    Edits are written when the prompt is read and at no later step.

    Args:
        pairs: (source layer, target layer), counted from 0.
        packing: the one that :func:`verify_packing` found exact for the model.
        max_new_tokens: longest continuation.
        chat_template: pass both prompts through the checkpoint's chat template.
        memory_budget: bytes that the work may take beyond the model; by default half of what is
            free on its device.

    Raises:
        XTransplantError: an unusable prompt or strategy, or too little memory for one variant.
    """
    variants = record_variants(model, strategy, pairs)
    return generate_edits(
        model,
        prompt_ids(model, example.source, chat_template=chat_template),
        prompt_ids(model, example.target, chat_template=chat_template),
        variants,
        packing=packing,
        max_new_tokens=max_new_tokens,
        memory=MemoryBudget.of(model, memory_budget),
    )


def generate_edits(
    model: Model,
    source_ids: Sequence[int],
    target_ids: Sequence[int],
    variants: Sequence[Variant],
    *,
    packing: Packing,
    max_new_tokens: int = 20,
    memory: MemoryBudget | None = None,
) -> Generations:
    """:func:`generate` on token ids and recorded edits."""
    items = [Item(source_ids, target_ids)]
    found = generate_items(
        model, items, variants, packing=packing, max_new_tokens=max_new_tokens, memory=memory
    )
    return next(found)


def generate_items(
    model: Model,
    items: Iterable[Item],
    variants: Sequence[Variant],
    *,
    packing: Packing,
    max_new_tokens: int = 20,
    memory: MemoryBudget | None = None,
    sources: Sources | None = None,
    source_text: bool = True,
    share_histories: bool = True,
    with_certainty: bool = False,
) -> Iterator[Generations]:
    """Generations of many examples under the same variants, in order.

    Args:
        memory: the memory to keep to; it shrinks where that turns out to be too much.
        sources: what was read of source prompts before, and where what is read now is kept.
        source_text: also continue each source prompt; else ``source`` is empty.
        share_histories: where the prefix is shared, also run what variants have said in common
            once, below the layers they write at.
        with_certainty: also say how sure the model was of each token.
    """
    memory = MemoryBudget.of(model) if memory is None else memory
    edits, scripts = parted(variants)
    recorded = Variants.of(edits)
    said: dict[tuple[int, ...], _Said] = {}
    for item in items:
        started = time.perf_counter()
        # What is said needs no candidates.
        prompts = Item(item.source, item.target)
        found = _all_chunks(
            model, prompts, recorded, packing, max_new_tokens, memory, sources,
            share_histories=share_histories, with_certainty=with_certainty,
        )  # fmt: skip
        if scripts:
            found = _with_scripts(model, prompts, scripts, max_new_tokens, found)
        source = _Said([[]], [True], [True], 0.0, 0, 0.0)
        key = tuple(item.source)
        if source_text:
            if key not in said:
                # One prompt at a time is kept: the next examples often have it too.
                alone = Item(item.source, item.source), Variants.of([])
                said = {key: _all_chunks(model, *alone, packing, max_new_tokens, memory, None)}
            source = said[key]
        texts = [
            model.tokenizer.decode(ids, skip_special_tokens=True) for ids in found.ids + source.ids
        ]
        yield Generations(
            outputs=tuple(texts[1:-1]),
            token_ids=tuple(map(tuple, found.ids[1:])),
            vanilla=texts[0],
            source=texts[-1],
            packing=ROWS if scripts else packing,
            forward_passes=found.forward_passes + source.forward_passes,
            token_forwards=found.token_forwards + source.token_forwards,
            seconds=time.perf_counter() - started,
            finite=tuple(found.finite[1:]),
            unchanged=tuple(found.unchanged[1:]),
            vanilla_finite=found.finite[0],
            source_finite=source.finite[0],
            vanilla_ids=tuple(found.ids[0]),
            certainty=tuple(map(tuple, found.certainty)),
            writes=found.writes,
        )


@dataclass(frozen=True)
class _Said:
    """What the prompt says without a transplant, and each variant.

    Attributes:
        ids: token ids.
        finite: whether numbers told so at every step.
        unchanged: whether ids, and the first one's probability, are the prompt's.
        first: log-probability of the prompt's first token, nats.
    """

    ids: list[list[int]]
    finite: list[bool]
    unchanged: list[bool]
    first: float
    forward_passes: int
    token_forwards: float
    certainty: list[Certainty] = field(default_factory=list)
    writes: Writes | None = None

    def and_variants_of(self, more: _Said) -> _Said:
        """With another chunk's variants; the prompt without a transplant ran with both."""
        return _Said(
            self.ids + more.ids[1:],
            self.finite + more.finite[1:],
            self.unchanged + more.unchanged[1:],
            self.first,
            self.forward_passes + more.forward_passes,
            self.token_forwards + more.token_forwards,
            self.certainty + more.certainty[1:],
            None if self.writes is None or more.writes is None else self.writes + more.writes,
        )


def _all_chunks(
    model: Model,
    item: Item,
    variants: Variants,
    packing: Packing,
    max_new_tokens: int,
    memory: MemoryBudget,
    sources: Sources | None,
    *,
    share_histories: bool = True,
    with_certainty: bool = False,
) -> _Said:
    """One example, its variants cut into chunks where memory asks for it."""
    # How sure a token is takes the two likeliest.
    batch = Batch(model, [item], variants, packing, 1 + with_certainty, sources, scored=False)
    cost, total = estimate_cost(model, item, variants, packing), len(variants.edits)
    kept = len(item.target) if not packing.shared_prefix else variants.n_chain(len(item.target))
    demand = Demand(
        fixed=cost.fixed,
        each=cost.each + stored_bytes(model, kept + max_new_tokens),
        columns=cost.per_variant,
        unit="variants",
        too_large=(
            f"{model.name} runs out of memory on one variant of a prompt of {len(item.target)} "
            f"tokens and {max_new_tokens} new ones; use a smaller --dtype, fewer --max-new-tokens "
            "or --device-map auto"
        ),
    )

    def run(chunk: range) -> _Said:
        if not packing.shared_prefix:
            return _by_row(batch, chunk, max_new_tokens)
        return _over_shared_prefix(
            batch, chunk, max_new_tokens, last=chunk.stop == total,
            share_histories=share_histories, with_certainty=with_certainty,
        )  # fmt: skip

    joined: _Said | None = None
    for said in run_in_chunks(memory, demand, total, run):
        joined = said if joined is None else joined.and_variants_of(said)
    assert joined is not None
    return joined


def _with_scripts(
    model: Model, item: Item, scripts: Sequence[Script], max_new_tokens: int, plain: _Said
) -> _Said:
    """What is said under a raw strategy, after what is said without a transplant."""
    ids, tops = generate_scripts(model, item, scripts, max_new_tokens)
    # A script runs alone, its prompt whole, and so in other sums than the plain run.
    firsts = torch.stack([one[0] for one in tops])
    near = same(firsts, torch.tensor(plain.first), model.dtype, bits=False).tolist()
    unchanged = [own == plain.ids[0] and one for own, one in zip(ids, near, strict=True)]
    finite = [bool(one.isfinite().all()) for one in tops]
    n_new = sum(map(len, ids))
    tokens = plain.token_forwards + token_forwards(item, len(scripts), n_new)
    return _Said(
        [*plain.ids, *ids], [*plain.finite, *finite], [*plain.unchanged, *unchanged], plain.first,
        plain.forward_passes + len(ids) + n_new, tokens,
    )  # fmt: skip


def _by_row(batch: Batch, part: range, max_new_tokens: int) -> _Said:
    rows = continue_rows(batch, part, max_new_tokens)
    ids, certainty = rows.ids, rows.certainty
    first = certainty[0][0][0]
    # Rows of one batch run through one product: what changes nothing is the same to the bit.
    unchanged = [
        own == ids[0] and sure[0][0] == first for own, sure in zip(ids, certainty, strict=True)
    ]
    finite = [all(math.isfinite(top) for top, _ in sure) for sure in certainty]
    return _Said(
        ids, finite, unchanged, first, rows.forward_passes, rows.token_forwards, certainty,
        Writes.of(rows.write_counts, rows.writes),
    )  # fmt: skip


def _over_shared_prefix(
    batch: Batch,
    part: range,
    max_new_tokens: int,
    *,
    last: bool,
    share_histories: bool,
    with_certainty: bool,
) -> _Said:
    model = batch.model
    blocks = [KeysValues() for _ in range(model.n_layers)]
    passes, tokens = batch.forward_passes, batch.token_forwards
    outputs = batch.run(part, last=False, keep=blocks, n_new=max_new_tokens)
    layout, trunk = batch.layout, batch.trunk
    assert isinstance(layout, Layout)
    if last:
        batch.trunk = None
    top, certainty = outputs["top"][0], None
    if with_certainty:
        certainty = torch.stack([top[:, 0], top[:, 0] - top[:, 1]], 1).double().numpy()
    ids, finite = outputs["ids"][0, :, 0].numpy(), top[:, 0].isfinite().numpy()
    next_tokens = NextTokens(ids, finite, certainty)
    found = decode(
        model,
        Prefill(layout, trunk, blocks, next_tokens),
        end_ids(model),
        max_new_tokens=max_new_tokens,
        share_histories=share_histories,
    )
    passes = batch.forward_passes - passes + found.steps
    alike = outputs["unchanged"][0].tolist()
    unchanged = [own == found.ids[0] and one for own, one in zip(found.ids, alike, strict=True)]
    tokens = batch.token_forwards - tokens + found.token_forwards
    first = float(top[0, 0])
    return _Said(
        found.ids, found.finite, unchanged, first, passes, tokens, found.certainty,
        Writes.of(outputs["write_counts"], outputs["writes"][0]),
    )  # fmt: skip
