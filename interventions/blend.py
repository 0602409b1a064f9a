"""A weighted mean of the source's and the target's own activation, at a site of choice.

    site_j(target)[last] := (1 - weight) * site_j(target)[last] + weight * site_i(source)[last]

weight=0 changes nothing, weight=1 is the plain swap. Option site chooses attn, ffn, resid_pre,
resid_mid, resid_post or, where a family norms what its modules return, attn_raw and ffn_raw.

Run it: xtp trace --strategy blend -S site=ffn -S weight=0.5
"""

from typing import Literal

from xtransplant import strategy

Site = Literal["attn", "ffn", "resid_pre", "resid_mid", "resid_post", "attn_raw", "ffn_raw"]


@strategy("blend")
def blend(source, target, i, j, site: Site = "ffn", weight: float = 0.5):
    there, here = getattr(source, site), getattr(target, site)
    here[j] = (1 - weight) * here[j] + weight * there[i]
