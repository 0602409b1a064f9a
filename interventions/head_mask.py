"""The attention heads that serve one language most are scaled, by default to nothing, at one layer.

    head_j(target)[t, h] := m_L[h] head_j(target)[t, h]
    m_L[h] = factor for the heads h with the largest |mean_L - mean_others|[h], 1 for others

for every token t of the prompt and every token generated. A head's output is what it hands to the
output projection; mean_L is its mean over prompts in L, of each the mean over its tokens, and
mean_others the mean of the other languages' means. factor=0 (the default) switches the heads off,
factor=2 doubles what they say. L is the target's own language by default; lang=source takes the
source's, lang=CODE another. Option heads, how many of each layer, is of the fit:
xtp fit head-mask -S heads=2. i is not used: --pairs diagonal.

After LAHIS (arXiv 2511.07498), which takes a head's importance to a language from a backward pass
of the loss, over all layers; here it is a distance that forward passes give.

Run it: xtp fit head-mask --task babel -o fits/heads
        xtp trace --strategy head-mask -S fit=fits/heads --split unseen
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("head")
def language_heads(stats, heads: int = 1):
    means = {lang: stats.mean(lang) for lang in stats.languages}  # [n_layers, n_heads, head_dim]
    if len(means) < 2:
        raise ValueError(f"it takes prompts in two languages or more, not in {list(means)} alone")
    found = {}
    for lang, own in means.items():
        others = [mean for other, mean in means.items() if other != lang]
        apart = (own - sum(others) / len(others)).norm(dim=-1, keepdim=True)
        chosen = apart.topk(min(heads, apart.shape[1]), dim=1).indices
        found[lang] = apart.new_zeros(apart.shape).scatter(1, chosen, 1.0).expand_as(own)
    return {"chosen": found}


@strategy("head-mask", fit=language_heads)
def head_mask(source, target, i, j, fit, factor: float = 0.0, lang: str = "target"):
    target = target.during("all")
    for h in range(target.n_heads):
        here = target.head(h)[j, :]
        target.head(h)[j, :] = here + (factor - 1) * (fit["chosen"][lang][j, h] * here)
