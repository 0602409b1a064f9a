"""What runs inside a traced block: activations are read, written and measured.

A trace that runs in another process carries these functions by their source, since this package is
not installed there. So they use nothing but their arguments, each other, torch and builtins, and
nothing of this package but in annotations, which are not evaluated.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from xtransplant.compat.nnsight import send_by_value
from xtransplant.engine.compile.steps import FixedRows, Join, SiteStep, SiteWrite, Step, Sum

__all__ = ["apply_edits", "fill_banks", "grow_banks", "mean_rows", "zero_banks"]


def zero_banks(sizes: Any, widths: Any, n_examples: int, like: dict[str, Any]) -> list[Tensor]:
    """Banks of zeros, ``[n_examples, size, width]`` for each size and width.

    Args:
        sizes: rows of each bank.
        widths: of the rows of each bank.
        n_examples: how many examples they hold.
        like: ``dtype`` and ``device``.
    """
    return [
        torch.zeros((n_examples, size, width), **like)
        for size, width in zip(sizes, widths, strict=True)
    ]


def grow_banks(
    read: list[Tensor], sizes: Any, widths: Any, n_examples: int, like: dict[str, Any]
) -> list[Tensor]:
    """Banks that begin with the rows of others, as many as they have room for; zeros follow.

    Args:
        read: of the source.
        sizes: as in :func:`zero_banks`.
        widths: likewise.
        n_examples: likewise.
        like: likewise.
    """
    banks = zero_banks(sizes, widths, n_examples, like)
    for bank, rows in zip(banks, read, strict=True):
        bank[:, : rows.shape[1]] = rows[:, : bank.shape[1]]
    return banks


def fill_banks(banks: list[Tensor], fixed: list[FixedRows]) -> None:
    """Put what is known before the model runs into the banks, in place.

    Args:
        banks: the two of a target.
        fixed: of each of them.
    """
    for bank, own in zip(banks, fixed, strict=True):
        bank[:, own["rows"].to(bank.device)] = own["values"].to(bank)


def mean_rows(rows: Tensor, groups: Tensor) -> Tensor:
    """Means ``[n_groups, width]`` of those rows ``[n, width]`` that have one number ``[n]``."""
    where = groups.to(rows.device)
    shape = (int(groups.max()) + 1, rows.shape[-1])
    sums = torch.zeros(shape, dtype=rows.dtype, device=rows.device).index_add(0, where, rows)
    return sums / torch.bincount(where, minlength=shape[0])[:, None]


def apply_edits(
    nn: Any, steps: list[Step], banks: list[Tensor], n_examples: int, measures: Tensor | None
) -> None:
    """Carry out the steps of a pass; to be called inside its trace.

    Args:
        nn: the traced model.
        steps: of the pass, in the order of its layers.
        banks: the tensors that reads and results are put into; written to.
        n_examples: how many examples the input holds.
        measures: ``[n_examples, 3, n_writes]``, filled with the norm of every vector written, the
            norm of the vector it replaces, and their dot product; None for no measuring.
    """
    masks: dict[Any, Tensor] = {}
    held: dict[str, Any] = {}
    for step in steps:
        if step["kind"] == "join":
            _join_blocks(nn, step, masks)
        elif step["kind"] == "hold":
            held[step["path"]] = nn.get(step["path"]).output
        else:
            _edit_site(nn, step, banks, n_examples, measures, held)


def _edit_site(
    nn: Any,
    step: SiteStep,
    banks: list[Tensor],
    n_examples: int,
    measures: Tensor | None,
    held: dict[str, Any],
) -> None:
    """Read, compute and write at one site of one layer.

    Args:
        nn: as in :func:`apply_edits`.
        step: of the site.
        banks: as in :func:`apply_edits`.
        n_examples: likewise.
        measures: likewise.
        held: outputs of modules that ran before, by path.
    """
    # A site may be narrower in some layers than the bank's rows.
    module, width = nn.get(step["path"]), step["width"]
    bank = banks[step["bank"]][..., :width]
    value = module.output if step["side"] == "output" else module.input
    value = _view(value, n_examples, width)
    others = [
        _view(held[path], n_examples, width) * (scale / step["scale"])
        for path, scale in step["plus"]
    ]
    read, write = step["read"], step["write"]
    if read is not None:
        found = _at(value, others, read["column"], read["head"])
        bank[:, read["rows"].to(bank.device)] = (found * step["scale"]).to(bank)
    for call in step["calls"]:
        # A strategy's function is given rows, [n, width].
        inputs = [_sum_rows(bank, argument).flatten(0, 1) for argument in call["arguments"]]
        result = call["function"](*inputs, *call["matrices"]).view(n_examples, -1, width)
        bank[:, call["rows"].to(bank.device)] = result.to(bank)
    if write is not None:
        column, head = write["column"].to(value.device), write["head"].to(value.device)
        written = (_sum_rows(bank, write["value"]) / step["scale"]).to(value)
        if measures is not None:
            measured = _of_part(write, written, _at(value, others, column, head))
            _measure_writes(measures, write, *measured)
        for other in others:
            # What the other modules add stays: together they are what is to be written.
            written = written - other.to(value.device)[:, column, head]
        if write["part"] is None:
            value[:, column, head] = written
        else:
            cell, place = write["part"].to(value.device)
            value[:, column[cell], head[cell], place] = written[:, cell, place]


def _view(value: Any, n_examples: int, width: int) -> Tensor:
    """A module's value as ``[examples, columns, heads or 1, head_dim or d_model]``."""
    tensor: Tensor = value[0] if isinstance(value, tuple) else value
    return tensor.view(n_examples, -1, tensor.shape[-1] // width, width)


def _at(value: Tensor, others: list[Tensor], column: Tensor, head: Tensor) -> Tensor:
    """Some tokens and heads of a site's value: what its module holds, and what adds up with it."""
    column, head = column.to(value.device), head.to(value.device)
    found = value[:, column, head]
    for other in others:
        found = found + other.to(value.device)[:, column, head]
    return found


def _sum_rows(bank: Tensor, terms: Sum) -> Tensor:
    """Linear combinations of a bank's rows, ``[n_examples, n_results, width]``."""
    shape = (bank.shape[0], terms["n_results"], bank.shape[-1])
    start = torch.zeros(shape, dtype=bank.dtype, device=bank.device)
    weighted = bank[:, terms["row"].to(bank.device)] * terms["weight"].to(bank)
    summed = start.index_add(1, terms["result"].to(bank.device), weighted)
    return summed + terms["constant"].to(bank)


def _of_part(write: SiteWrite, *vectors: Tensor) -> tuple[Tensor, ...]:
    """Vectors ``[n_examples, n, width]`` with zeros for the numbers that are not written."""
    if write["part"] is None:
        return vectors
    cell, place = write["part"].to(vectors[0].device)
    chosen = torch.zeros_like(vectors[0][0])
    chosen[cell, place] = 1
    return tuple(vector * chosen for vector in vectors)


def _measure_writes(measures: Tensor, write: SiteWrite, written: Tensor, replaced: Tensor) -> None:
    """Norms and dot products of what is written and what it replaces, all writes of a site at once.

    Args:
        measures: as in :func:`apply_edits`.
        write: says which write each vector is.
        written: ``[n_examples, n, width]``, as the module holds them.
        replaced: likewise.
    """
    if write["first"] is not None:
        first = write["first"].to(written.device)
        written, replaced = written[:, first], replaced[:, first]
    written, replaced = written.to(measures.dtype), replaced.to(measures.dtype)
    norms = [torch.linalg.vector_norm(value, dim=-1) for value in (written, replaced)]
    found = torch.stack([*norms, (written * replaced).sum(dim=-1)], dim=1)
    measures[:, :, write["number"].to(measures.device)] = found.to(measures.device)


def _join_blocks(nn: Any, step: Join, masks: dict[Any, Tensor]) -> None:
    """Hand one block of the model the columns, positions and mask of its layer.

    Args:
        nn: the traced model.
        step: the columns, positions and mask of its layer.
        masks: additive masks made so far, by the mask they were made of and device.

    Raises:
        TypeError: the block takes an argument that is not known here, or no attention mask.
    """
    block, names = nn.get(step["path"]), step["names"]
    positional, named = block.inputs
    given = {**dict(zip(names, positional, strict=False)), **named}
    for name, value in given.items():
        given[name] = _joined_argument(name, value, step, given[names[0]], masks)
    if "attention_mask" not in given:
        raise TypeError("a block takes no attention mask")
    block.inputs = (
        tuple(given[name] for name in names[: len(positional)]),
        {name: given[name] for name in named},
    )


def _joined_argument(
    name: str, value: Any, step: Join, hidden: Tensor, masks: dict[Any, Tensor]
) -> Any:
    """One argument of a block, for the columns that run through it; ``hidden`` are its states."""
    index, origin, mask = step["index"], step["origin"], step["mask"]
    if name == step["names"][0]:
        # Tokens are the last dimension but one, also where several streams lie in front.
        where = value.dim() - 2
        return value if index is None else value.index_select(where, index.to(value.device))
    if name == "attention_mask":
        if isinstance(mask, torch.Tensor):
            mask = _additive_mask(mask, hidden, masks)[:, :, : len(origin), : len(origin)]
        return mask
    if value is not None and name in ("position_ids", "position_embeddings", "per_layer_input"):
        tables = value if isinstance(value, tuple) else (value,)
        found = tuple(table.index_select(1, origin.to(table.device)) for table in tables)
        return found if isinstance(value, tuple) else found[0]
    # Keys and values that later layers take over from earlier ones: filled as layers run.
    if value is None or isinstance(value, (bool, str)) or name == "shared_kv_states":
        return value
    raise TypeError(f"a block takes {name}, which packing does not know")


def _additive_mask(sees: Tensor, hidden: Tensor, masks: dict[Any, Tensor]) -> Tensor:
    """What is added to attention scores: 0 where seen, the lowest number where not.

    All layers hold the same boolean tensor, so that it is sent once; in another process the model
    may be on another device and in another precision. ``masks`` keeps what was made of it.
    """
    key = id(sees), hidden.device
    if key not in masks:
        zeros = torch.zeros(sees.shape, dtype=hidden.dtype, device=hidden.device)
        lowest = torch.finfo(hidden.dtype).min
        masks[key] = zeros.masked_fill_(~sees.to(hidden.device), lowest)
    return masks[key]


send_by_value(sys.modules[__name__])
