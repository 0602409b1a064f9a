"""The neurons that fire in one language and hardly in others are set to zero or to their mean.

    neurons_j(target)[t, k] := 0 or mean_L[k]   for the neurons k of language L, at one layer
    p_L[k] = share of tokens of prompts in L at which k is above 0, the mean over prompts
    entropy[k] = - sum over L of q_L[k] log q_L[k],  q_L = p_L / sum over languages of p

for every token t of the prompt and every token generated. to=zero (the default) switches them off,
to=mean holds them at the mean that they have in prompts in L. The neurons are the share of all,
over layers, with the lowest entropy, of those active in some language more often than a quantile of
all shares; a neuron belongs to each language it is so active in. L is the target's own language by
default; off=source takes the source's. i is not used: --pairs diagonal. Options share and quantile
are of the fit.

After LAPE (arXiv 2402.16438), which counts over running text and not by prompt, and of gated
networks the gate's activation alone, where neurons are what the down projection receives.

Run it: xtp fit lape --task babel -o fits/lape
        xtp trace --strategy lape -S fit=fits/lape --split unseen
"""

from typing import Literal

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("neurons", tokens="active, mean")
def language_neurons(stats, share: float = 0.01, quantile: float = 0.95):
    both = {lang: stats.mean(lang).unbind(dim=1) for lang in stats.languages}
    active = {lang: shares for lang, (shares, _) in both.items()}  # [n_layers, d_ff] each
    total = sum(active.values())
    entropy = 0.0 * total
    for own in active.values():
        q = own / total.clamp(min=1e-9)
        entropy = entropy - q * q.clamp(min=1e-9).log()
    everything = sorted(number for own in active.values() for number in own.flatten().tolist())
    often = everything[int(quantile * (len(everything) - 1))]
    seldom = sum((own > often).int() for own in active.values()) == 0
    entropy = entropy.masked_fill(seldom, float("inf")).flatten()
    chosen = entropy.argsort()[: max(1, int(share * len(entropy)))]
    chosen = chosen[entropy[chosen].isfinite()]
    own_of_some = total.new_zeros(total.numel()).index_fill(0, chosen, 1.0).view(total.shape)
    keep = {lang: 1 - own_of_some * (own > often) for lang, own in active.items()}
    return {"keep": keep, "put": {lang: (1 - keep[lang]) * both[lang][1] for lang in keep}}


@strategy("lape", fit=language_neurons)
def lape(source, target, i, j, fit, off: str = "target", to: Literal["zero", "mean"] = "zero"):
    target = target.during("all")
    kept = target.neurons[j, :] * fit["keep"][off][j]
    target.neurons[j, :] = kept + fit["put"][off][j] if to == "mean" else kept
