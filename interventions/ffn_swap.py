"""The source's feed-forward output in the place of the target's.

    ffn_j(target)[last] := ffn_i(source)[last]

What is moved is what the MLP (or the experts) adds to the residual stream, before it is added.
Ye et al., XTransplant, arXiv 2412.12686, section 3; paper and released code agree.

Run it: xtp trace --strategy ffn-swap
"""

from xtransplant import strategy


@strategy("ffn-swap")
def ffn_swap(source, target, i, j):
    target.ffn[j] = source.ffn[i]
