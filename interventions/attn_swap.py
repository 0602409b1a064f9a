"""The source's attention output in the place of the target's, as the XTransplant paper says it.

    attn_j(target)[last] := attn_i(source)[last]

What is moved is what self-attention adds to the residual stream, before it is added.
Ye et al., XTransplant, arXiv 2412.12686, section 3; the released code does something else, see
attn-swap-official.

Run it: xtp trace --strategy attn-swap
"""

from xtransplant import strategy


@strategy("attn-swap")
def attn_swap(source, target, i, j):
    target.attn[j] = source.attn[i]
