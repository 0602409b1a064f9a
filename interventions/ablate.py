"""A baseline without a source: what a site holds at the target's last token is taken away.

    site_j(target)[last] := 0

A control, of no paper: a transplant that does no better than this moved nothing in. Option site
chooses attn (what attention adds), ffn, or a residual stream. The source layer changes nothing:
--source-layers 0 (in a bench --pairs 0:0,0:1,...) runs each target layer once.

Run it: xtp trace --strategy ablate -S site=ffn --source-layers 0
"""

from typing import Literal

from xtransplant import strategy

Site = Literal["attn", "ffn", "resid_pre", "resid_mid", "resid_post", "attn_raw", "ffn_raw"]


@strategy("ablate")
def ablate(source, target, i, j, site: Site = "ffn"):
    getattr(target, site)[j] = 0
