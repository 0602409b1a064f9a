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
    """A function ``play(nn, steps, banks, n_examples)`` to be called inside a trace.

    ``nn`` is the traced model, ``steps`` those of a pass in the order of its layers, ``banks`` the
    two tensors of a program (written to). A step is either ``(layer, "join", ...)``, which tells
    a block what its columns are and what they see, or ``(layer, "site", ...)``, which reads and
    writes activations.
    """

    def play(nn: Any, steps: Any, banks: Any, n_examples: Any) -> None:
        masks: dict[Any, Any] = {}

        def added(sees: Any, like: Any) -> Any:
            # All layers hold the same tensor, so that it travels once, as yes and no: elsewhere the
            # model may be on another device, in another precision.
            key = id(sees), like.device
            if key not in masks:
                zeros = torch.zeros(sees.shape, dtype=like.dtype, device=like.device)
                lowest = torch.finfo(like.dtype).min
                masks[key] = zeros.masked_fill_(~sees.to(like.device), lowest)
            return masks[key]

        def join(path: Any, names: Any, index: Any, origin: Any, mask: Any) -> None:
            positional, named = nn.get(path).inputs
            given = {**dict(zip(names, positional, strict=False)), **named}
            for name, value in given.items():
                if name == names[0]:
                    if index is not None:
                        given[name] = value.index_select(1, index.to(value.device))
                elif name == "attention_mask":
                    given[name] = mask
                    if isinstance(mask, torch.Tensor):
                        n = len(origin)
                        given[name] = added(mask, given[names[0]])[:, :, :n, :n]
                elif name == "position_ids":
                    given[name] = value.index_select(1, origin.to(value.device))
                elif name == "position_embeddings":
                    tables = value if isinstance(value, tuple) else (value,)
                    tables = tuple(
                        table.index_select(1, origin.to(table.device)) for table in tables
                    )
                    given[name] = tables if isinstance(value, tuple) else tables[0]
                elif not (value is None or isinstance(value, (bool, str))):
                    raise TypeError(f"a block takes {name}, which packing does not know")
            if "attention_mask" not in given:
                raise TypeError("a block takes no attention mask")
            nn.get(path).inputs = (
                tuple(given[name] for name in names[: len(positional)]),
                {name: given[name] for name in named},
            )

        def total(bank: Any, parts: Any) -> Any:
            n_results, index, row, weight, constant = parts
            shape = (bank.shape[0], n_results, bank.shape[-1])
            start = torch.zeros(shape, dtype=bank.dtype, device=bank.device)
            terms = bank[:, row.to(bank.device)] * weight.to(bank)
            return start.index_add(1, index.to(bank.device), terms) + constant.to(bank)

        for step in steps:
            if step[1] == "join":
                join(*step[2:])
                continue
            path, side, scale, kind, width, read, applied, write = step[2:]
            module = nn.get(path)
            value = module.output if side == "output" else module.input
            if isinstance(value, tuple):
                value = value[0]
            # [examples, columns, heads or 1, head_dim or d_model], whatever the module's shape.
            value = value.view(n_examples, -1, value.shape[-1] // width, width)
            bank = banks[kind]
            if read is not None:
                rows, (column, head) = read
                found = value[:, column.to(value.device), head.to(value.device)]
                bank[:, rows.to(bank.device)] = (found * scale).to(bank)
            for function, arguments, rows in applied:
                # The user's function sees rows, [n, width].
                inputs = [total(bank, argument).flatten(0, 1) for argument in arguments]
                result = function(*inputs).view(n_examples, -1, width)
                bank[:, rows.to(bank.device)] = result.to(bank)
            if write is not None:
                parts, (column, head) = write
                found = (total(bank, parts) / scale).to(value)
                value[:, column.to(value.device), head.to(value.device)] = found

    return play


def picker() -> Callable[..., dict[str, Any]]:
    """A function ``pick(logits, wanted)`` to be called inside a trace.

    Of ``logits`` ``[rows, kept, vocabulary]`` it returns, on the CPU: ``edges``
    ``[n_examples, n_blocks, n_edges]``, log-probability of each candidate's tokens; ``top`` and
    ``ids`` ``[n_examples, n_blocks, k]``, the most probable next tokens.
    """

    def pick(logits: Any, wanted: Any) -> dict[str, Any]:
        (n_examples, n_blocks), keep, order, nodes, tokens, end, k = wanted
        if logits.shape[1] != len(keep):
            logits = logits[:, keep]
        size = logits.shape[-1]
        # A few rows at a time on a CPU, so that what is made of them stays in its cache.
        step = max(1, 2**18 // size) if logits.device.type == "cpu" else 2**30
        parts = logits.reshape(-1, size).split(step)
        norm = torch.cat([part.float().logsumexp(dim=-1) for part in parts])
        # [examples, blocks, places * vocabulary] and [examples, blocks, places]
        logits, norm = (part.reshape(n_examples, n_blocks, -1) for part in (logits, norm))
        # What is asked for lies on the CPU, the logits where the last layer is.
        nodes, tokens = (
            part.to(logits.device)[:, None].expand(-1, n_blocks, -1) for part in (nodes, tokens)
        )
        edges = logits.gather(2, nodes * size + tokens).float() - norm.gather(2, nodes)
        last = logits[:, :, end * size : (end + 1) * size]
        top, ids = last.float().topk(k, dim=-1)
        return {
            "edges": edges.cpu()[:, order],
            "top": (top - norm[:, :, end, None]).cpu()[:, order],
            "ids": ids.cpu()[:, order],
        }

    return pick
