"""The identity: every value is written back where it stood, so nothing may change.

    resid_post_j(target)[last] := resid_post_j(target)[last]

A control. Each cell of its grid equals the run without a transplant; a cell that does not shows a
fault of the packing and not of a transplant.

Run it: xtp trace --strategy none
"""

from xtransplant import strategy


@strategy("none")
def none(source, target, i, j):
    target.resid_post[j] = target.resid_post[j]
