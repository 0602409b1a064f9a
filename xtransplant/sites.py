"""The sites of a transformer block: their names, and the order in which a block computes them.

A site is a place in a block, named for what it holds and not for the module that holds it:

==========  ==================================================================
attn        what attention adds to the residual stream
ffn         what the feed-forward network (MLP or experts) adds to it
resid_pre   the residual stream as the block receives it
resid_mid   the residual stream between attention and feed-forward
resid_post  the residual stream as the block hands it on
head        what each attention head hands to the output projection
attn_raw    what the attention module returns, where it is normed before it is added
ffn_raw     what the feed-forward module returns, likewise
neurons     what the feed-forward network's down projection receives: its inner activations
keys        what the key projection returns, before any norm of it and rotary positions
values      what the value projection returns, likewise
==========  ==================================================================

In every family ``resid_post = resid_pre + attn + ffn``, and in one whose blocks are not parallel
``resid_mid = resid_pre + attn``. ``head`` is ``head_dim`` wide, ``neurons`` ``d_ff``, ``keys`` and
``values`` ``d_kv`` (all key-value heads side by side), every other site ``d_model``. Which module
holds a site is the family's matter: :mod:`xtransplant.model.families`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

__all__ = [
    "INNER",
    "NORMED",
    "SITES",
    "WIDTHS",
    "Site",
    "bank_of",
    "module_sites",
    "site_order",
    "summands",
]

Site = Literal[
    "attn", "ffn", "resid_pre", "resid_mid", "resid_post", "head", "attn_raw", "ffn_raw",
    "neurons", "keys", "values",
]  # fmt: skip
SITES: tuple[Site, ...] = get_args(Site)
"""In the order in which they are listed for users."""

NORMED: Mapping[Site, Site] = {"attn_raw": "attn", "ffn_raw": "ffn"}
"""By raw site, the site that holds what the norm makes of it."""

INNER: tuple[Site, ...] = ("neurons", "keys", "values")
"""Inside a layer's modules: there where these are made of projections that have the site apart."""

WIDTHS = ("d_model", "head_dim", "d_ff", "d_kv")
"""What a site's width is called; of a kind each, for values of two kinds are never added up."""

_KIND: Mapping[Site, int] = {"head": 1, "neurons": 2, "keys": 3, "values": 3}

_COMPUTED: tuple[Site, ...] = (
    "resid_pre", "keys", "values", "head", "attn_raw", "attn", "resid_mid", "neurons", "ffn_raw",
    "ffn", "resid_post",
)  # fmt: skip


def site_order(site: Site) -> int:
    """When a block computes a site: of two sites of one layer, the later has the larger number."""
    return _COMPUTED.index(site)


def bank_of(site: Site) -> int:
    """Which of :data:`WIDTHS` a site has; values of each are kept in a bank of their own."""
    return _KIND.get(site, 0)


def summands(site: Site) -> tuple[Site, ...]:
    """The sites whose values add up to a site's: itself, unless no module's input or output has it.

    That is ``resid_mid`` alone, the sum of ``resid_pre`` and ``attn``.
    """
    return ("resid_pre", "attn") if site == "resid_mid" else (site,)


def module_sites(sites: Iterable[Site]) -> tuple[Site, ...]:
    """Those of some sites that are a module's input or output, so that a hook can read them."""
    return tuple(site for site in sites if summands(site) == (site,))
