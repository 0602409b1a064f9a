"""The source's last tokens in the places of the target's last tokens, one by one, at one layer.

    site_j(target)[-k] := site_i(source)[-k]   for k = 1 .. last

Option site chooses what is moved, last how many tokens. It fits prompts that end alike ("Answer:"):
where the ends of two languages are cut into other tokens, those that meet are not the same words
(xtp show span-swap -m MODEL names them). At last=1 it is the plain swap of Ye et al., XTransplant,
arXiv 2412.12686, which moves one token.

Run it: xtp trace --strategy span-swap -S site=attn -S last=3
"""

from typing import Literal

from xtransplant import strategy

Site = Literal["attn", "ffn", "resid_pre", "resid_mid", "resid_post", "attn_raw", "ffn_raw"]


@strategy("span-swap")
def span_swap(source, target, i, j, site: Site = "resid_post", last: int = 2):
    if last < 1:
        raise ValueError(f"last={last} counts tokens from the prompt's end: 1 or more")
    getattr(target, site)[j, -last:] = getattr(source, site)[i, -last:]
