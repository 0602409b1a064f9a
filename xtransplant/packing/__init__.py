"""Lay variants and candidates out as token ids, positions, columns and who sees whom.

Pure tensors, no model. All variants of one prompt share its tokens up to the first one they edit,
so they are branches of a tree: a *trunk*, the prompt's tokens before that one, and *blocks* that
hang off its end. A block holds the rest of the prompt and the candidate answers (a trie: their
common beginnings once). Block 0 is the prompt without a transplant; each variant has a block of
its own of the same shape, which need not exist below the layer the variant writes at: there it
would equal block 0.

* :func:`pack`: trunk and blocks, of one example or of many that are laid out alike (the shorter
  ones padded on the left). A token sees its ancestors in the tree and has the position it would
  have alone, so one forward pass computes every variant.
* :func:`rows`: one batch row per variant (and per candidate of several tokens), for models whose
  tokens cannot be kept apart.

A *column* counts tokens of one example through the model's input, row by row.
"""

from xtransplant.packing.layout import Layout, pack
from xtransplant.packing.modes import MASKED, ROWS, SHARED, Packing
from xtransplant.packing.readout import Readout
from xtransplant.packing.row_layout import RowLayout, rows
from xtransplant.packing.step_layout import StepLayout
from xtransplant.packing.visibility import reach

__all__ = [
    "MASKED",
    "ROWS",
    "SHARED",
    "Layout",
    "Packing",
    "Readout",
    "RowLayout",
    "StepLayout",
    "pack",
    "reach",
    "rows",
]
