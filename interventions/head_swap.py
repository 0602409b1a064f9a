"""One attention head's output in the place of the same head's at another layer.

    head_j(target)[last, h] := head_i(source)[last, h]

A head's output is what it hands to the output projection, head_dim wide; the other heads of the
target's layer stay as they are. Option head chooses h.

Run it: xtp trace --strategy head-swap -S head=3
"""

from xtransplant import strategy


@strategy("head-swap")
def head_swap(source, target, i, j, head: int = 0):
    target.head(head)[j] = source.head(head)[i]
