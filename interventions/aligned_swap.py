"""Each source word's activation in the place of its counterpart's in the target, at one layer.

    site_j(target)[t] := mean over source words s aligned with t of site_i(source)[s]

A word is its last token, where the model has read all of it. Which words go together says the data,
in a column of word pairs (docs/bench.md), or --alignment "0-0 1-2". Option site chooses what is
moved. After the plain swap of Ye et al., XTransplant, arXiv 2412.12686, which moves the prompts'
last tokens alone; pairs as word aligners write them (Dyer et al., fast_align, NAACL 2013).

Run it: xtp trace --strategy aligned-swap -S site=attn --source "..." --target "..." \
    --alignment "0-0 1-2"
"""

from typing import Literal

from xtransplant import strategy

Site = Literal["attn", "ffn", "resid_pre", "resid_mid", "resid_post", "attn_raw", "ffn_raw"]


@strategy("aligned-swap")
def aligned_swap(source, target, i, j, site: Site = "resid_post"):
    getattr(target, site)[j, target.aligned] = getattr(source, site)[i, source.aligned]
