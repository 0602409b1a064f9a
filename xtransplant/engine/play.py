"""The one piece of code that reads and writes activations, whichever trace it plays in.

:func:`player` returns a plain function made on the spot, because a trace that runs elsewhere
carries such a function by its source; one imported from this package would be looked up there by
name and not be found. For the same reason it uses nothing but its arguments, torch and builtins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["picker", "player"]


def player() -> Callable[..., None]:
    """A function ``play(nn, steps, banks, shape, masks)`` to be called inside a trace.

    ``nn`` is the traced model, ``steps`` those of a program, ``banks`` its two tensors (written
    to), ``shape`` the (rows, columns) of the model's input, ``masks`` None or the path of the
    decoder with the attention masks by layer type that it is to be handed.
    """

    def play(nn: Any, steps: Any, banks: Any, shape: Any, masks: Any = None) -> None:
        if masks is not None:
            decoder, by_type = masks
            positional, named = nn.get(decoder).inputs
            nn.get(decoder).inputs = (positional, {**named, "attention_mask": by_type})

        def total(bank: Any, parts: Any) -> Any:
            n_results, index, row, weight, constant = parts
            start = torch.zeros(n_results, bank.shape[-1], dtype=bank.dtype, device=bank.device)
            terms = bank[row.to(bank.device)] * weight.to(bank)
            return start.index_add(0, index.to(bank.device), terms) + constant.to(bank)

        for path, side, scale, kind, width, read, applied, write in steps:
            module = nn.get(path)
            value = module.output if side == "output" else module.input
            if isinstance(value, tuple):
                value = value[0]
            # [rows, columns, heads or 1, head_dim or d_model]; some modules flatten the first two.
            value = value.view(shape[0], shape[1], -1, width)
            bank = banks[kind]
            if read is not None:
                rows, (row, column, head) = read
                bank[rows.to(bank.device)] = (value[row, column, head] * scale).to(bank)
            for function, arguments, rows in applied:
                result = function(*[total(bank, argument) for argument in arguments])
                bank[rows.to(bank.device)] = result.to(bank)
            if write is not None:
                parts, (row, column, head) = write
                value[row, column, head] = (total(bank, parts) / scale).to(value)

    return play


def picker() -> Callable[..., dict[str, Any]]:
    """A function ``pick(logits, wanted)`` to be called inside a trace.

    Of ``logits`` ``[rows, kept, vocabulary]`` it returns, on the CPU: ``edges``
    ``[n_variants, n_edges]``, log-probability of each candidate's tokens; ``top`` and ``ids``
    ``[n_variants, k]``, the most probable next tokens.
    """

    def pick(logits: Any, wanted: Any) -> dict[str, Any]:
        keep, reads, tokens, ends, k = wanted
        if logits.shape[1] != len(keep):
            logits = logits[:, keep]
        norm = logits.float().logsumexp(dim=-1)
        row, column = reads.unbind(-1)
        edges = logits[row, column, tokens].float() - norm[row, column]
        row, column = ends.unbind(-1)
        top, ids = logits[row, column].float().topk(k, dim=-1)
        return {
            "edges": edges.cpu(),
            "top": (top - norm[row, column][:, None]).cpu(),
            "ids": ids.cpu(),
        }

    return pick
