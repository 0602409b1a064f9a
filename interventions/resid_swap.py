"""The source's whole residual stream after block i in the place of the target's after block j.

    resid_post_j(target)[last] := resid_post_i(source)[last]

The strongest transplant of one token: everything the target computed for its last token up to
layer j is replaced; only its earlier tokens still speak for it.
Patchscopes (Ghandeharioun et al., arXiv 2401.06102) is the general form.

Run it: xtp trace --strategy resid-swap
"""

from xtransplant import strategy


@strategy("resid-swap")
def resid_swap(source, target, i, j):
    target.resid_post[j] = source.resid_post[i]
