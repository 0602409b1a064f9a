"""Both halves of a block: the source's attention and feed-forward outputs in the target's places.

    attn_j(target)[last] := attn_i(source)[last]
    ffn_j(target)[last] := ffn_i(source)[last]

All that block i adds to the source's stream takes the place of all that block j adds to the
target's; the target's stream before the block stays. The same as "attn-swap + ffn-swap".
After Ye et al., XTransplant, arXiv 2412.12686, which moves one of the two at a time.

Run it: xtp trace --strategy attn-ffn-swap
"""

from xtransplant import strategy


@strategy("attn-ffn-swap")
def attn_ffn_swap(source, target, i, j):
    target.attn[j] = source.attn[i]
    target.ffn[j] = source.ffn[i]
