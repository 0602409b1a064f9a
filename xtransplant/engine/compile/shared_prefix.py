"""What a layer is handed as its attention mask where variants share a prefix: plain data.

:mod:`xtransplant.engine.trace.attention` is the function that reads it.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Blocks", "DecodingStep", "KeysValues", "Trunk"]


@dataclass
class KeysValues:
    """Keys and values of one layer, ``[..., n_kv_heads, n_tokens, width]``; filled in a pass."""

    keys: Tensor | None = None
    values: Tensor | None = None

    @property
    def both(self) -> tuple[Tensor, Tensor]:
        """Keys and values, once a pass has left them."""
        assert self.keys is not None
        assert self.values is not None
        return self.keys, self.values


@dataclass
class Trunk(KeysValues):
    """A trunk's keys and values, ``[n_examples, n_kv_heads, n_tokens + room, width]``.

    The last ``room`` are zeros: a query's scores over its own keys are added where its scores over
    these zeros stand, so that all lie in one tensor without a copy.
    """

    room: int = 1

    @property
    def n_tokens(self) -> int:
        """Tokens of the trunk itself."""
        return self.both[0].shape[2] - self.room


@dataclass(frozen=True)
class Blocks:
    """One layer of a pass over blocks, ``[n_examples, n_inline + n_blocks * n_block]`` tokens.

    Attributes:
        n_block: tokens of a block.
        mask: added to the scores over the trunk and within the block,
            ``[n_examples or 1, n_block, n_trunk + n_block]``; None where all is seen, or for one
            block and no trunk where what lies before is.
        trunk: the trunk's keys and values; None for no trunk.
        keep: where to leave the blocks' own keys and values, ``[n_examples, ...]``.
        n_inline: tokens of the trunk in front of the blocks: this pass computes it too, and leaves
            its keys and values in ``trunk``.
        within_trunk: added to the scores within it, ``[n_examples or 1, n_inline, n_inline]``;
            None where what lies before is seen.
    """

    n_block: int
    mask: Tensor | None
    trunk: Trunk | None = None
    keep: KeysValues | None = None
    n_inline: int = 0
    within_trunk: Tensor | None = None


@dataclass(frozen=True)
class DecodingStep:
    """One layer of a decoding step, ``[1, n_rows]`` tokens: one row per history, then variants.

    Attributes:
        trunk: as in :class:`Blocks`, of one example, with room for all that will be generated.
        histories: rows of ``shared`` that the first columns stand for.
        shared, own: keys and values after the trunk, ``[rows, n_kv_heads, capacity, width]``, of
            histories and of variants; the variants' columns are the first rows of ``own``.
        filled: tokens in both before this step.
        mask: added to the scores over trunk and own tokens, ``[n_trunk + filled + 1]``, or None.
    """

    trunk: Trunk | None
    histories: Tensor
    shared: KeysValues
    own: KeysValues
    filled: int
    mask: Tensor | None
