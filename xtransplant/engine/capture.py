"""Capture: read a prompt's activations at any site, in one forward pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xtransplant.engine.ask.tokenise import prompt_ids
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.compile.passes import make_row_pass
from xtransplant.engine.compile.program import compile_source
from xtransplant.engine.trace.session import capture_pass
from xtransplant.errors import XTransplantError
from xtransplant.model.given import check_model
from xtransplant.model.model import Model
from xtransplant.packing import rows
from xtransplant.sites import Site, bank_of, summands
from xtransplant.strategies import LAST, Read, Span
from xtransplant.strategies.fitting import Pooling

__all__ = ["capture", "pool"]

# Whether numbers above 0 are counted; twice, where their mean is taken too.
_ACTIVE: dict[Pooling, tuple[bool, ...]] = {"active": (True,), "active, mean": (True, False)}


def capture(
    model: Model,
    prompt: str,
    sites: Sequence[Site] | Site = ("attn", "ffn", "resid_post"),
    *,
    layers: Sequence[int] | None = None,
    last: int | None = 1,
    chat_template: bool = False,
) -> dict[Site, Tensor]:
    """Activations of a prompt, read in one forward pass.

    Args:
        model: a loaded model.
        prompt: the text.
        sites: which sites, or one; ``head`` gives every head.
        layers: which layers, in this order; all by default.
        last: how many of the last tokens; None for all of them.
        chat_template: pass the prompt through the checkpoint's chat template.

    Returns:
        Per site a tensor on the CPU, ``[n_layers, n_tokens, width]``, or for ``head``
        ``[n_layers, n_tokens, n_heads, head_dim]`` (where layers are not equally wide at a site,
        what narrower ones hold ends in zeros).

    Raises:
        XTransplantError: no model, an unusable prompt, a site or layer the model has not, or a
            site that one of the layers has not.
    """
    check_model(model)
    layers = range(model.n_layers) if layers is None else layers
    sites = (sites,) if isinstance(sites, str) else sites
    _check_places(model, sites, layers)
    ids = prompt_ids(model, prompt, chat_template=chat_template)
    span = LAST if last == 1 else Span(None if last is None else -last, None)
    n_tokens = len(span.resolve(len(ids), "the span to capture"))
    reads = {
        Read("source", part, layer, span, head): None
        for site in sites
        for part in summands(site)
        for layer in layers
        for head in (range(model.n_heads) if part == "head" else (None,))
    }
    layout = rows(ids, 1)
    program = compile_source(model, layout, list(reads))
    banks = capture_pass(model, make_row_pass(model, layout, program.steps, 1), program.sizes)
    place = program.rows
    found: dict[Site, Tensor] = {}
    for site in sites:
        pieces = []
        for part in summands(site):
            own = [place[read] for read in place if read.site == part]
            widest = max(model.width(part, layer) for layer in model.layers_with(part))
            bank = banks[bank_of(part)][:, :widest]
            pieces.append(bank[torch.tensor(own)].reshape(len(layers), -1, n_tokens, bank.shape[1]))
        total = torch.stack(pieces).sum(dim=0)
        found[site] = total.transpose(1, 2) if site == "head" else total.squeeze(1)
    return found


def pool(
    model: Model,
    prompt: str,
    site: Site,
    *,
    tokens: Pooling = "mean",
    chat_template: bool = False,
) -> Tensor:
    """A prompt's activations at a site, pooled over its tokens, in every layer that has it.

    The mean is taken where the model runs, so that a vector a layer is all that comes back.

    Args:
        model: a loaded model.
        prompt: the text.
        site: which site; ``head`` gives every head.
        tokens: their mean, the last one, the share of them at which each number is above 0, or this
            and then the mean.
        chat_template: pass the prompt through the checkpoint's chat template.

    Returns:
        ``[n_layers, d_model]`` on the CPU, for ``head`` ``[n_layers, n_heads, head_dim]``, of two
        kinds of numbers ``[..., 2, d_model]``; zeros in layers that have not the site.

    Raises:
        XTransplantError: an unusable prompt, a site that the model has not, or shares of a sum.
    """
    layers = model.layers_with(site)
    _check_places(model, [site], layers)
    active = _ACTIVE.get(tokens, (False,))
    if any(active) and len(summands(site)) > 1:
        raise XTransplantError(
            f"{site} is a sum of {' and '.join(summands(site))}: no module has it"
        )
    ids = prompt_ids(model, prompt, chat_template=chat_template)
    heads = range(model.n_heads) if site == "head" else (None,)
    span = LAST if tokens == "last" else Span(None, None)
    reads = [
        Read("source", part, layer, span, head)
        for layer in layers
        for head in heads
        for part in summands(site)  # the mean of a sum is the sum of means
    ]
    layout, bank = rows(ids, 1), bank_of(site)
    program = compile_source(model, layout, reads)
    groups: list[Tensor | None] = [None] * len(program.sizes)
    numbers = groups[bank] = torch.zeros(program.sizes[bank], dtype=torch.long)
    for number, read in enumerate(reads):
        numbers[torch.tensor(program.rows[read])] = number
    source = make_row_pass(model, layout, program.steps, 1)
    banks = capture_pass(model, source, program.sizes, groups, active=active)
    shape = len(layers), len(heads), len(summands(site)), -1
    kinds = [own.view(shape).sum(dim=2) for own in banks[bank :: len(program.sizes)]]
    found = torch.stack(kinds, dim=-2) if len(kinds) > 1 else kinds[0]
    whole = found.new_zeros(model.n_layers, *found.shape[1:])
    whole[list(layers)] = found
    return whole if site == "head" else whole[:, 0]


def _check_places(model: Model, sites: Sequence[Site], layers: Sequence[int]) -> None:
    """Refuse a site or a layer that the model has not, and a site that one of the layers has not.

    Raises:
        XTransplantError: there is one.
    """
    missing = [site for site in sites if site not in model.sites]
    if missing:
        raise XTransplantError(f"no site {missing[0]!r}: {model.name} has {', '.join(model.sites)}")
    wrong = [layer for layer in layers if not 0 <= layer < model.n_layers]
    if wrong:
        raise XTransplantError(f"no layer {wrong[0]}: {model.name} has 0 to {model.n_layers - 1}")
    shape = shape_of(model)
    for site in sites:
        for layer in layers:
            shape.check("source", site, layer)
