"""Several of the source's layers in a row in the place of as many of the target's.

    site_{j+k}(target)[last] := site_{i+k}(source)[last]   for k = 0 .. width-1

Option site chooses what is moved, width how many layers; pairs whose band would reach past the
last layer are left out. At width=1 it is the plain swap of Ye et al., XTransplant, arXiv
2412.12686, which moves one layer at a time.

Run it: xtp trace --strategy band-swap -S site=ffn -S width=2
"""

from typing import Literal

from xtransplant import strategy

Site = Literal["attn", "ffn", "resid_pre", "resid_mid", "resid_post", "attn_raw", "ffn_raw"]


@strategy("band-swap")
def band_swap(source, target, i, j, site: Site = "ffn", width: int = 2):
    there, here = getattr(source, site), getattr(target, site)
    for k in range(width):
        here[j + k] = there[i + k]
