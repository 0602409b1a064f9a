"""Edits with noise in the place of what they read of the source: a null grid's.

Each vector read, a token's or a head's, becomes a Gaussian one of the same norm. Which one depends
on a text alone (an example and a layer pair, say) and on what is read: not on the packing, nor on
what else is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from xtransplant.strategies.edits import Edit
from xtransplant.strategies.places import Read
from xtransplant.strategies.values import Applied, Term, Value

__all__ = ["noise_like", "noise_seed", "with_noise"]


def with_noise(edits: Sequence[Edit], text: str) -> tuple[Edit, ...]:
    """Edits in which every read of a source, or of the mean over several, is noise.

    What is read twice is the same noise twice.

    Args:
        edits: of one variant.
        text: what the noise depends on, besides what is read.
    """
    noises: dict[Read, Applied] = {}

    def noised(value: Value) -> Value:
        terms: list[tuple[float, Term]] = []
        for weight, term in value.terms:
            if isinstance(term, Applied):
                arguments = tuple(map(noised, term.arguments))
                terms.append((weight, replace(term, arguments=arguments)))
            elif isinstance(term, Read) and term.prompt != "target":
                if term not in noises:
                    function = partial(noise_like, noise_seed(text, term))
                    plain = Value(((1.0, term),))
                    noises[term] = Applied(function, (plain,), shown="noise({0})")
                terms.append((weight, noises[term]))
            else:
                terms.append((weight, term))
        return replace(value, terms=tuple(terms))

    return tuple(replace(edit, value=noised(edit.value)) for edit in edits)


def noise_seed(text: str, read: Read) -> int:
    """The seed of what stands in the place of a read: of 63 bits."""
    place = read.prompt, read.site, int(read.layer), str(read.span), read.head
    digest = hashlib.sha256(f"{text}\n{place}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def noise_like(seed: int, rows: Any) -> Any:
    """Gaussian rows with the norms of others, ``[n, width]``.

    They are drawn from the last to the first, so that the last token has the same noise whether it
    is read alone or with others.

    Args:
        seed: of the draw.
        rows: whose norms they get.
    """
    draw = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(rows.shape[-1], generator=draw) for _ in range(len(rows))]
    noise = torch.stack(drawn[::-1]).to(rows.device)
    norms = torch.linalg.vector_norm(rows.float(), dim=-1, keepdim=True)
    return (noise / torch.linalg.vector_norm(noise, dim=-1, keepdim=True) * norms).to(rows)
