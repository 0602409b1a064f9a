"""The attention transplant that the XTransplant paper's released code performs.

    attn_j(target)[last] := attn_i(source)[last] + resid_pre_i(source)[last]

The code keeps a reference to the attention output and then adds the residual to it in place, so
what it moves is the residual stream after attention. It is written where the target's attention
output stands, and the target's own residual is added on top.
Ye et al., XTransplant, arXiv 2412.12686, released code; attn-swap is what the paper says.

Run it: xtp trace --strategy attn-swap-official
"""

from xtransplant import strategy


@strategy("attn-swap-official")
def attn_swap_official(source, target, i, j):
    target.attn[j] = source.attn[i] + source.resid_pre[i]
