"""What the target computes is moved towards what it would be in the source's language.

    ffn_j(target)[last] := ffn_j(target)[last] + strength * (W_j - 1) ffn_j(target)[last]

W_j is the least squares map, at layer j, from the means over tokens of prompts in the target's
language to those of the source prompts beside them; of all that fit equally well, the smallest. The
source is not read: i is not used, --pairs diagonal.

After INCLINE (arXiv 2410.12462), which does so at every layer, with values of the run without it.

Run it: xtp fit incline --task babel -o fits/incline
        xtp trace --strategy incline -S fit=fits/incline --split unseen
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("ffn", pairs=True)
def maps(stats):
    import torch  # only where it is fitted, so that listing strategies is quick

    found = {}
    for lang in stats.languages:
        try:
            pairs = [stats.pairs(lang, layer) for layer in range(stats.n_layers)]
        except KeyError:  # no target prompt is in this language
            continue
        found[lang] = torch.stack([(torch.linalg.pinv(own) @ to).T for own, to in pairs])
    return {"map": found}


@strategy("incline", fit=maps)
def incline(source, target, i, j, fit, strength: float = 1.0):
    here = target.ffn[j]
    target.ffn[j] = here + strength * (fit["map"]["target"][j] @ here - here)
