"""Check a loaded model against its family's table.

From what every site holds in a plain run, and after a write at one site (:mod:`.hooks`), follows
whether each is what its name says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from xtransplant.errors import XTransplantError
from xtransplant.model.hooks import (
    AFTER,
    DOUBLED,
    DOWN,
    EARLIER,
    WRITTEN,
    ZEROED,
    SiteValues,
    Writes,
    make_writes,
    run_hooked,
    site_fault,
)
from xtransplant.model.model import Model
from xtransplant.sites import NORMED, Site

__all__ = ["check_sites"]

# Least cosine of what a norm makes of a vector and of twice that vector: 1 but for its epsilon.
_SAME_DIRECTION = 0.999


@torch.no_grad()
def check_sites(model: Model) -> None:
    """Run a few tokens, once, and check that every site is what its name says.

    At every layer ``resid_post = resid_pre + attn + ffn`` and ``resid_pre`` is what the layer
    before handed on, to the rounding of the model's precision; what a family adds or multiplies
    besides (``Family.after``, ``Family.rescale``) counts. Writing zeros at a site of one layer of
    each kind changes those sums as it should, changes what must follow (``ffn`` after ``attn``
    unless the blocks are parallel, ``attn`` after ``head`` and ``attn_raw``, ``ffn`` after
    ``ffn_raw``), and leaves alone what must not: earlier tokens, ``attn`` after ``ffn``. With all
    heads at zero ``attn`` is one constant. A raw site, doubled, leaves what is added as it was.
    What ``neurons`` are projected to is, but for a factor, what the feed-forward network returns;
    ``keys`` are what a later token looks back at, and without ``values`` all heads are zero.
    Where there are several residual streams, no sum is checked.

    Raises:
        XTransplantError: a site that is not; the message names it, its layer and what was found.
    """
    writes = make_writes(model)
    values = run_hooked(model, writes)
    everywhere = _Pass(model, values, writes, 0)
    for layer in range(model.n_layers):
        _check_finite(everywhere, layer)
        if not model.family.streams:
            _check_sum(everywhere, layer)
            _check_chain(everywhere, layer)
    for layer, site in writes:
        seen = replace(everywhere, layer=layer)
        for check in (_check_changes_block, _check_spares_earlier, *_AFTER_WRITE.get(site, ())):
            check(seen, site)


@dataclass(frozen=True, eq=False)
class _Pass:
    """What every site of every layer held in the one forward pass.

    Attributes:
        values: see :func:`run_hooked`.
        writes: the row that was overwritten, by layer and site.
        layer: the layer that is looked at, whose sites were overwritten.
    """

    model: Model
    values: SiteValues
    writes: Writes
    layer: int

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites of that layer."""
        return self.model.sites_at(self.layer)

    @property
    def rounding(self) -> float:
        """What rounding a sum of a few terms may do, as a share of them."""
        return float(4 * torch.finfo(self.model.dtype).eps)

    def change(self, written: Site, of: Site, tokens: slice = WRITTEN) -> float:
        """Largest change of a token's vector at ``of`` by a write, as a share of its length."""
        found, plain = self.rows(written, of, tokens)
        lengths = plain.norm(dim=-1).clamp(min=1e-12)
        return float(((found - plain).norm(dim=-1) / lengths).max())

    def rows(self, written: Site, of: Site, tokens: slice) -> tuple[Tensor, Tensor]:
        """``of`` in the row that was written at a site, and in the row that was not."""
        value = self.values[of, self.layer]
        return value[self.writes[self.layer, written], tokens], value[0, tokens]

    def fault(self, site: Site, what: str, layer: int | None = None) -> XTransplantError:
        """The error of a site of the layer that is looked at, or of another."""
        return site_fault(self.model, site, self.layer if layer is None else layer, what)

    def zero_written(self, gap: Tensor, site: Site, layer: int) -> None:
        """Set a gap to 0 where the site itself was overwritten."""
        if (row := self.writes.get((layer, site))) is not None:
            gap[row, WRITTEN] = 0


def _check_finite(seen: _Pass, layer: int) -> None:
    model = seen.model
    if not torch.isfinite(seen.values["resid_post", layer]).all():
        raise XTransplantError(
            f"{model.name} computes values that are not finite at layer {layer} in "
            f"{str(model.dtype).removeprefix('torch.')}; load it with --dtype float32 or bfloat16"
        )


def _check_sum(seen: _Pass, layer: int) -> None:
    """What a block adds, and what it began with, add up to what it hands on."""
    model, post = seen.model, seen.values["resid_post", layer]
    sites = [site for site in ("attn", "ffn") if site in model.sites_at(layer)]
    named = ["resid_pre", *sites, *([AFTER] if (AFTER, layer) in seen.values else [])]
    parts = [seen.values[name, layer] for name in named]
    scale = 1.0
    if model.family.rescale:
        block = model.module.get_submodule(f"{model.family.layers}.{layer}")
        scale = float(getattr(block, model.family.rescale))
    gap = (post - scale * sum(parts)).abs()
    gap -= seen.rounding * abs(scale) * sum(part.abs() for part in parts)
    seen.zero_written(gap, "resid_post", layer)
    if not (gap <= 0).all():
        share = float(gap.max() / post.abs().max().clamp(min=1e-12))
        what = f"it differs from {' + '.join(named)} by up to {share:.1%} of its largest value"
        raise seen.fault("resid_post", what, layer)


def _check_chain(seen: _Pass, layer: int) -> None:
    """A block starts from where the one before it ended."""
    if not layer:
        return
    pre, before = seen.values["resid_pre", layer], seen.values["resid_post", layer - 1]
    gap = (pre - before).abs() - seen.rounding * before.abs()
    seen.zero_written(gap, "resid_pre", layer)
    if not (gap <= 0).all():
        raise seen.fault("resid_pre", "it is not what the layer before hands on", layer)


def _check_changes_block(seen: _Pass, site: Site) -> None:
    if seen.change(site, "resid_post") == 0:
        raise seen.fault(site, "writing zeros to it changes nothing")


def _check_spares_earlier(seen: _Pass, site: Site) -> None:
    """Earlier tokens cannot see a later one, in this layer or the next."""
    if site == "values":
        return  # which are written at all tokens
    for layer in range(seen.layer, min(seen.layer + 2, seen.model.n_layers)):
        post = seen.values["resid_post", layer][:, EARLIER]
        plain = post[0]
        gap = (post[seen.writes[seen.layer, site]] - plain).norm(dim=-1)
        # Rows of one batch need not be computed bit for bit alike.
        if not (gap <= 4 * seen.rounding * plain.norm(dim=-1)).all():
            raise seen.fault(site, "writing it at the last tokens changes earlier ones")


def _check_attn_reaches_ffn(seen: _Pass, site: Site) -> None:
    if "ffn" not in seen.sites:
        return
    follows = seen.change(site, "ffn")
    if seen.model.parallel and follows > seen.rounding:
        raise seen.fault(site, "writing it changes ffn, though blocks are parallel")
    if not seen.model.parallel and follows == 0:
        raise seen.fault(site, "writing zeros to it does not change ffn")


def _check_ffn_spares_attn(seen: _Pass, site: Site) -> None:
    if "attn" in seen.sites and seen.change(site, "attn") > seen.rounding:
        raise seen.fault(site, "writing it changes attn of the same layer")


def _check_heads(seen: _Pass, site: Site) -> None:
    """Without its heads, attention is the output projection's bias, the same at every token."""
    if seen.change(site, "attn") == 0:
        raise seen.fault(site, "writing zeros to all heads leaves attn as it was")
    if seen.model.site("attn", seen.layer).plus:
        return  # another mixer beside attention still tells tokens apart
    (before, last), _ = seen.rows(site, "attn", WRITTEN)
    largest = seen.values["attn", seen.layer][0].abs().max()
    if not (last - before).abs().max() <= seen.rounding * largest:
        raise seen.fault(site, "with every head zero attn still depends on the token")


def _check_norm(seen: _Pass, site: Site) -> None:
    """A norm follows a raw site: it depends on it, and not on its length."""
    normed = NORMED[site]
    if seen.change(site, normed, ZEROED) == 0:
        raise seen.fault(site, f"writing zeros to it leaves {normed} as it was")
    # Directions are compared, since a norm's epsilon changes the length a little.
    found, plain = seen.rows(site, normed, DOUBLED)
    if float(torch.cosine_similarity(found, plain, dim=-1).min()) < _SAME_DIRECTION:
        raise seen.fault(site, f"{normed} is not its norm: doubling it turns {normed}")


def _check_down(seen: _Pass, site: Site) -> None:
    """The down projection's output is all that the feed-forward network returns."""
    whole: Site = "ffn_raw" if "ffn_raw" in seen.sites else "ffn"
    if seen.change(site, whole) == 0:
        raise seen.fault(site, f"writing zeros to it leaves {whole} as it was")
    down, found = (seen.values[name, seen.layer][0] for name in (DOWN, whole))
    if down.shape == found.shape:
        factor = (down * found).sum() / (down * down).sum().clamp(min=1e-30)
        if (found - factor * down).abs().max() <= seen.rounding * found.abs().max():
            return
    raise seen.fault(site, f"{whole} is not what its module returns, times a factor")


def _check_keys(seen: _Pass, site: Site) -> None:
    """The last token looks back at a key that was written before it."""
    if "head" in seen.sites and seen.change(site, "head", DOUBLED) == 0:
        raise seen.fault(site, "writing zeros to a token's changes no later token's heads")


def _check_values(seen: _Pass, site: Site) -> None:
    """Attention hands on nothing where all values are zero."""
    if "head" in seen.sites and seen.rows(site, "head", WRITTEN)[0].abs().max() > 0:
        raise seen.fault(site, "with every value zero its heads hand on something else")


_AFTER_WRITE: Mapping[Site, tuple[Callable[[_Pass, Site], None], ...]] = {
    "attn": (_check_attn_reaches_ffn,),
    "attn_raw": (_check_norm,),
    "ffn": (_check_ffn_spares_attn,),
    "ffn_raw": (_check_ffn_spares_attn, _check_norm),
    "head": (_check_heads,),
    "keys": (_check_attn_reaches_ffn, _check_keys),
    "neurons": (_check_ffn_spares_attn, _check_down),
    "values": (_check_attn_reaches_ffn, _check_values),
}
"""What must hold of a write at these sites, besides what must hold of every write."""
