"""About what one example of a grid takes in a forward pass: bytes and input tokens."""

from __future__ import annotations

from dataclasses import dataclass

from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.memory import pass_bytes, stored_bytes
from xtransplant.engine.ask.variants import Variants
from xtransplant.model.model import Model
from xtransplant.packing import Packing

__all__ = ["Cost", "estimate_cost"]


@dataclass(frozen=True)
class Cost:
    """What one example takes in a forward pass.

    Attributes:
        fixed: bytes without variants.
        each: bytes of each variant.
        columns: input tokens without variants.
        per_variant: input tokens of each variant.
        source: bytes of the pass over the source.
    """

    fixed: float
    each: float
    columns: int
    per_variant: int
    source: float

    def total(self, n_variants: int) -> float:
        """Bytes of the larger of its two passes."""
        return max(self.fixed + self.each * n_variants, self.source)


def estimate_cost(model: Model, item: Item, variants: Variants, packing: Packing) -> Cost:
    """About what an example takes; see :func:`xtransplant.engine.ask.memory.pass_bytes`."""
    # Proper prefixes of the candidates: the nodes of their trie.
    inner = {tuple(c[:d]) for c in item.target_candidates for d in range(1, len(c))}
    length, n_logits = len(item.target), 1 + len(inner)
    chain = variants.n_chain(length)
    block, columns = chain + len(inner), length + len(inner)
    source = pass_bytes(model, len(item.source), len(item.source), n_logits)
    if not packing.together:
        paths = max(1, len({tuple(c[:-1]) for c in item.target_candidates if len(c) > 1}))
        tokens = paths * columns
        held = float(variants.fixed_bytes)
        return Cost(held, pass_bytes(model, tokens, columns, tokens), 0, tokens, source)
    # Under a mask every column's scores span the whole sequence, masked or not.
    keys = length + block
    if not packing.shared_prefix:
        keys = columns + block * len(variants.edits)
    fixed = pass_bytes(model, columns, keys, n_logits) + variants.fixed_bytes
    if packing.shared_prefix:
        fixed += stored_bytes(model, length)
    return Cost(fixed, pass_bytes(model, block, keys, n_logits), columns, block, source)
