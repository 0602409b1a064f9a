"""What a traced block is handed: dictionaries of tensors, numbers, texts and functions.

At run time every type here is a plain ``dict``, so that a block can take them to a machine where
this package is not installed. :mod:`xtransplant.engine.trace.apply` reads them.

Every value that an edit needs has a row in a *bank*: reads of the source, reads of the target,
results of functions, tensors that were there before. There is a bank, ``[n_examples, n_rows,
width]``, for each kind of width that sites have (:data:`xtransplant.sites.WIDTHS`), as wide as the
widest layer's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

import torch
from torch import Tensor

__all__ = [
    "Call",
    "FixedRows",
    "Hold",
    "Join",
    "Pass",
    "SiteRead",
    "SiteStep",
    "SiteWrite",
    "Step",
    "Sum",
    "Wanted",
    "move_tensors",
]


class Sum(TypedDict):
    """Linear combinations of rows of a bank, ``[n_results]`` of them.

    Attributes:
        n_results: how many.
        result: ``[n_terms]``, the result each term is added to.
        row: ``[n_terms]``, the term's row in the bank.
        weight: ``[n_terms, 1]``, the term's coefficient.
        constant: ``[n_results, 1]``, a number added to every component.
    """

    n_results: int
    result: Tensor
    row: Tensor
    weight: Tensor
    constant: Tensor


class FixedRows(TypedDict):
    """Rows of a bank that are filled before the model runs.

    Attributes:
        rows: ``[n]``, rows of the bank.
        values: ``[n, width]``, the same in every example, or ``[n_examples, n, width]``.
    """

    rows: Tensor
    values: Tensor


class SiteRead(TypedDict):
    """Activations to put into a bank.

    Attributes:
        rows: ``[n]``, rows of the bank.
        column, head: ``[n]``, token and head (0 where a site has none) of the site's value.
    """

    rows: Tensor
    column: Tensor
    head: Tensor


class Call(TypedDict):
    """A function of the strategy's author.

    Attributes:
        function: called with one tensor ``[n, width]`` per argument.
        arguments: each with ``n`` results.
        matrices: what it is called with after these, the same for all rows.
        rows: ``[n]``, rows of the bank that its result goes to.
    """

    function: Callable[..., Any]
    arguments: list[Sum]
    matrices: list[Tensor]
    rows: Tensor


class SiteWrite(TypedDict):
    """Activations to overwrite.

    Attributes:
        value: what is written, a result for each place.
        column, head: ``[n]``, token and head (0 where a site has none) of the site's value.
        number: ``[n_writes]``, the place of each write among all of the pass's at tokens of the
            prompt, in the order of the variants, of a variant's edits, and of an edit's tokens.
        first: ``[n_writes]``, for each of these one of the ``n`` places it fills; None where all
            of them fill one and there are no others. (A variant with several batch rows writes the
            same in each.)
        part: ``[2, n_numbers]``, of each number that is written the place and where in its vector
            it stands; None where whole vectors are.
    """

    value: Sum
    column: Tensor
    head: Tensor
    number: Tensor
    first: Tensor | None
    part: Tensor | None


class SiteStep(TypedDict):
    """What happens at one site of one layer, in this order: read, call functions, write.

    Attributes:
        layer: number of the layer.
        path: the module's, from the model's root.
        side: which side of the module holds the value.
        scale: what the value is multiplied by on its way to the residual stream.
        plus: paths of further modules whose outputs, held before, add up with it, and their scales.
        bank: which one, by the kind of the site's width.
        width: of a value.
    """

    kind: Literal["site"]
    layer: int
    path: str
    side: Literal["input", "output"]
    scale: float
    plus: Sequence[tuple[str, float]]
    bank: int
    width: int
    read: SiteRead | None
    calls: list[Call]
    write: SiteWrite | None


class Hold(TypedDict):
    """A module's output, held until a site of the same layer is read or written.

    Attributes:
        layer: number of the layer.
        path: the module's, from the model's root.
    """

    kind: Literal["hold"]
    layer: int
    path: str


class Join(TypedDict):
    """The columns that run through one block of the model, which may be more than through the last.

    Attributes:
        layer: number of the layer.
        path: the block's, from the model's root.
        names: the block's arguments, in order; the first are the hidden states.
        index: ``[n_columns]``, the column of the layer before that each starts out as; None where
            they are the same.
        origin: ``[n_columns]``, the column of the model's input that has its position and token.
        mask: bool ``[n_examples or 1, 1, n_all, n_all]``, who sees whom; or what attention over a
            shared prefix takes (:mod:`xtransplant.engine.compile.shared_prefix`).
    """

    kind: Literal["join"]
    layer: int
    path: str
    names: Sequence[str]
    index: Tensor | None
    origin: Tensor
    mask: Any


Step = SiteStep | Hold | Join


class Wanted(TypedDict):
    """What is read of a pass's logits; all tensors are on the CPU.

    Attributes:
        n_examples, n_blocks: how the kept logits divide.
        keep: ``[n_kept]``, columns whose logits are wanted.
        order: ``[n_blocks]``, block of the prompt, if it has one, and of each variant.
        nodes: ``[n_examples, n_edges]``, place among a block's kept ones that predicts a token.
        tokens: ``[n_examples, n_edges]``, that token's id.
        end: place of the last prompt token.
        top_k: how many of the most probable next tokens.
        normed: ``[n_examples, n_places]``, where the sum over all ids is wanted; elsewhere it may
            be left at that over the ids asked for there.
    """

    n_examples: int
    n_blocks: int
    keep: Tensor
    order: Tensor
    nodes: Tensor
    tokens: Tensor
    end: int
    top_k: int
    normed: Tensor


class Pass(TypedDict):
    """One forward pass.

    Attributes:
        inputs: keyword arguments of the model.
        steps: what happens in it, in the order of the layers.
        n_examples: how many examples the input holds.
        wanted: what may be read of its logits.
    """

    inputs: dict[str, Any]
    steps: list[Step]
    n_examples: int
    wanted: Wanted


def move_tensors(value: Any, device: torch.device) -> Any:
    """The same data with every tensor in it on a device, so that no layer waits for a copy.

    A layer on another device copies what it needs; the banks are on the model's first.
    """
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: move_tensors(one, device) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(move_tensors(one, device) for one in value)
    return value
