"""The source's feed-forward neurons in the place of the target's.

    neurons_j(target)[last] := neurons_i(source)[last]

Neurons are what the down projection receives, d_ff wide: what is moved is which of them fire, and
what they write is the target layer's own, where ffn-swap moves what the source's layer wrote.
The site is that of LAPE (Tang et al., arXiv 2402.16438); families whose feed-forward network is
made of experts do not have it.

Run it: xtp trace --strategy neuron-swap
"""

from xtransplant import strategy


@strategy("neuron-swap")
def neuron_swap(source, target, i, j):
    target.neurons[j] = source.neurons[i]
