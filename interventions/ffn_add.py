"""The source's feed-forward output added to the target's residual stream, its own all kept.

    resid_post_j(target)[last] := resid_post_j(target)[last] + scale * ffn_i(source)[last]

After CC-Tuning (arXiv 2506.00875), which adds at j = 0 and trains a selector of i and a map. Here
nothing is trained: the layer pair is the grid's, and --target-layers 0 (in a bench --pairs
target-first) is the place that CC-Tuning adds at.

Run it: xtp trace --strategy ffn-add --target-layers 0
"""

from xtransplant import strategy


@strategy("ffn-add")
def ffn_add(source, target, i, j, scale: float = 1.0):
    target.resid_post[j] = target.resid_post[j] + scale * source.ffn[i]
