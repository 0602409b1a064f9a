"""Hold a loaded model to what the table of families says of it, by plain PyTorch hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.load import Model
from xtransplant.sites import NORMED, Site, module_sites

__all__ = ["check_sites"]

_N_TOKENS = 6
_WRITTEN = slice(-2, None)
_EARLIER = slice(None, -2)
# Of the written tokens of a raw site: what its norm makes of nothing, and of twice as much.
_ZEROED, _DOUBLED = slice(-2, -1), slice(-1, None)
# Cosine of two directions that are one: a norm does not turn with its input's length.
_ALIKE = 0.999

Seen = dict[tuple[Site, int], Tensor]


@torch.no_grad()
def check_sites(model: Model) -> None:
    """Run a few tokens, once, and see that every site is what its name says.

    At every layer ``resid_post = resid_pre + attn + ffn`` and ``resid_pre`` is what the layer
    before handed on, to the rounding of the model's precision. Writing zeros at a site of the
    middle layer changes those sums as it should, changes what must follow (``ffn`` after ``attn``
    unless the blocks are parallel, ``attn`` after ``head`` and ``attn_raw``, ``ffn`` after
    ``ffn_raw``), and leaves alone what must not: earlier tokens, ``attn`` after ``ffn``. With all
    heads at zero ``attn`` is one constant. A raw site, doubled, leaves what is added as it was.

    Raises:
        XTransplantError: a site that is not; the message names it, its layer and what was found.
    """
    middle = model.n_layers // 2
    seen = _run(model, middle)
    for layer in range(model.n_layers):
        _check_sum(model, seen, layer, middle)
    for site in _written(model):
        _check_write(model, seen, site, middle)


def _check_sum(model: Model, seen: Seen, layer: int, middle: int) -> None:
    """The parts of one block add up, and it starts from where the one before ended."""
    pre, attn, ffn, post = (_value(model, seen, s, layer) for s in _parts())
    if not torch.isfinite(post).all():
        raise XTransplantError(
            f"{model.name} computes values that are not finite at layer {layer} in "
            f"{str(model.dtype).removeprefix('torch.')}; load it with --dtype float32 or bfloat16"
        )
    rounding = _rounding(model) * (pre.abs() + attn.abs() + ffn.abs())
    gap = (post - pre - attn - ffn).abs() - rounding
    if layer == middle:
        gap[_row(model, "resid_post"), _WRITTEN] = 0  # there the sum itself was written
    if not (gap <= 0).all():
        share = float(gap.max() / post.abs().max().clamp(min=1e-12))
        what = f"it differs from resid_pre + attn + ffn by up to {share:.1%} of its largest value"
        raise _fault(model, "resid_post", layer, what)
    if layer:
        before = _value(model, seen, "resid_post", layer - 1)
        gap = (pre - before).abs() - _rounding(model) * before.abs()
        if layer == middle:
            gap[_row(model, "resid_pre"), _WRITTEN] = 0
        if not (gap <= 0).all():
            raise _fault(model, "resid_pre", layer, "it is not what the layer before hands on")


def _check_write(model: Model, seen: Seen, site: Site, layer: int) -> None:
    """What writing at one site of the last two tokens must change, and what it must not."""
    row = _row(model, site)

    def change(of: Site, tokens: slice) -> float:
        """Largest change of a token's vector, as a share of its length."""
        found, plain = (_value(model, seen, of, layer)[r, tokens] for r in (row, 0))
        lengths = plain.norm(dim=-1).clamp(min=1e-12)
        return float(((found - plain).norm(dim=-1) / lengths).max())

    if change("resid_post", _WRITTEN) == 0:
        raise _fault(model, site, layer, "writing zeros to it changes nothing")
    for at in range(layer, min(layer + 2, model.n_layers)):
        found = _value(model, seen, "resid_post", at)
        gap = (found[row, _EARLIER] - found[0, _EARLIER]).norm(dim=-1)
        # Room for rows of one batch that are not computed bit for bit alike.
        if not (gap <= 4 * _rounding(model) * found[0, _EARLIER].norm(dim=-1)).all():
            raise _fault(model, site, layer, "writing it at the last tokens changes earlier ones")
    if site == "attn":
        follows = change("ffn", _WRITTEN)
        if model.parallel and follows > _rounding(model):
            raise _fault(model, site, layer, "writing it changes ffn, though blocks are parallel")
        if not model.parallel and follows == 0:
            raise _fault(model, site, layer, "writing zeros to it does not change ffn")
    if site in ("ffn", "ffn_raw") and change("attn", _WRITTEN) > _rounding(model):
        raise _fault(model, site, layer, "writing it changes attn of the same layer")
    if site == "head":
        if change("attn", _WRITTEN) == 0:
            raise _fault(model, site, layer, "writing zeros to all heads leaves attn as it was")
        attn = _value(model, seen, "attn", layer)
        last, before = attn[row, -1], attn[row, -2]
        if not (last - before).abs().max() <= _rounding(model) * attn[0].abs().max():
            raise _fault(model, site, layer, "with every head zero attn still depends on the token")
    if site in NORMED:
        if change(NORMED[site], _ZEROED) == 0:
            what = f"writing zeros to it leaves {NORMED[site]} as it was"
            raise _fault(model, site, layer, what)
        # By direction: what keeps a norm from dividing by zero tells on the length.
        found, plain = (_value(model, seen, NORMED[site], layer)[r, _DOUBLED] for r in (row, 0))
        if float(torch.cosine_similarity(found, plain, dim=-1).min()) < _ALIKE:
            what = f"{NORMED[site]} is not its norm: doubling it turns {NORMED[site]}"
            raise _fault(model, site, layer, what)


def _written(model: Model) -> tuple[Site, ...]:
    """The sites that are written at: all that are a module's.

    Row 0 of the batch runs as it is; each row after it is written at one of these.
    """
    return module_sites(model.sites)


def _n_rows(model: Model) -> int:
    return 1 + len(_written(model))


def _row(model: Model, site: Site) -> int:
    """The row of the batch that is written at a site."""
    return 1 + _written(model).index(site)


def _parts() -> tuple[Site, Site, Site, Site]:
    return "resid_pre", "attn", "ffn", "resid_post"


def _value(model: Model, seen: Seen, site: Site, layer: int) -> Tensor:
    """``[n_rows, _N_TOKENS, width]`` as it reaches the residual stream, float64, on the CPU."""
    return seen[site, layer].to("cpu", torch.float64) * model.site(site, layer).scale


def _rounding(model: Model) -> float:
    """What rounding a sum of a few terms may do, as a share of them."""
    return float(4 * torch.finfo(model.dtype).eps)


def _run(model: Model, middle: int) -> Seen:
    """Every site of every layer in one forward pass, the middle one's rows written."""
    ids = torch.arange(5, 5 + _N_TOKENS, device=model.device) % model.vocab_size
    seen: Seen = {}
    handles = []
    root = model.module
    for layer in range(model.n_layers):
        for site in _written(model):
            path = model.site(site, layer)
            module = root.get_submodule(path.path)
            written_row = _row(model, site) if layer == middle else None
            hook = _hook(model, site, layer, seen, written_row)
            if path.side == "input":
                handles.append(module.register_forward_pre_hook(_before(hook), with_kwargs=True))
            else:
                handles.append(module.register_forward_hook(_after(hook)))
    try:
        root(input_ids=ids.expand(_n_rows(model), -1), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    for layer in range(model.n_layers):
        for site in _written(model):
            if (site, layer) not in seen:
                raise _fault(model, site, layer, "its module does not run")
    return seen


def _hook(
    model: Model, site: Site, layer: int, seen: Seen, written_row: int | None
) -> Callable[[Any], Any]:
    """Keeps a copy of what passes, and hands it on with a row written, if one is given."""
    # Hooks see the heads of this process alone, where the model is split over several.
    width, n_rows = model.d_model, _n_rows(model)
    if site == "head":
        width = model.n_heads * model.head_dim // model.n_ranks

    def hook(value: Any) -> Any:
        tensor = value[0] if isinstance(value, tuple) else value
        right = isinstance(tensor, Tensor) and tensor.shape[-1:] == (width,)
        if not right or tensor.numel() != n_rows * _N_TOKENS * width:
            what = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            shape = (n_rows, _N_TOKENS, width)
            raise _fault(model, site, layer, f"it holds {what} where {shape} was expected")
        # A copy: some models go on to add to the very tensor seen here.
        copy = tensor.reshape(n_rows, _N_TOKENS, width).clone()
        if written_row is not None:
            copy[written_row, _ZEROED if site in NORMED else _WRITTEN] = 0
            if site in NORMED:
                copy[written_row, _DOUBLED] *= 2
        seen[site, layer] = copy
        passed_on = copy.clone().view(tensor.shape)
        return (passed_on, *value[1:]) if isinstance(value, tuple) else passed_on

    return hook


def _before(hook: Callable[[Any], Any]) -> Callable[..., Any]:
    def pre(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            return (hook(args[0]), *args[1:]), kwargs
        first = next(iter(kwargs))
        return args, {**kwargs, first: hook(kwargs[first])}

    return pre


def _after(hook: Callable[[Any], Any]) -> Callable[..., Any]:
    def post(module: Any, args: tuple[Any, ...], output: Any) -> Any:
        return hook(output)

    return post


def _fault(model: Model, site: Site, layer: int, what: str) -> XTransplantError:
    path = model.site(site, layer)
    return XTransplantError(
        f"{model.name}: site {site} of layer {layer} ({path.side} of {path.path}) is not what the "
        f"table of its family says: {what}; pass a table: --family FILE.json (docs/families.md), "
        "in Python family=Family(...)"
    )
