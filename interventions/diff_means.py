"""Difference of means: every token is moved towards a language, at one layer.

    resid_post_j(target)[t] := resid_post_j(target)[t] + alpha * v_L / |v_L|
    v_L = mean over prompts in L - mean over the other languages of their means

for every token t of the prompt and every token generated. L is the target's own language by
default; lang=source takes the source's, lang=CODE another. A mean is over the distinct prompts of a
language, of each the mean over its tokens. i is not used: --pairs diagonal.

After difference-of-means steering (CAA, arXiv 2312.06681; of languages, arXiv 2601.08331).

Run it: xtp fit diff-means --task babel -o fits/diff-means
        xtp trace --strategy diff-means -S fit=fits/diff-means --split unseen
        xtp bench --task babel --split unseen -s diff-means -S fit=fits/diff-means --pairs diagonal
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post")
def directions(stats):
    means = {lang: stats.mean(lang) for lang in stats.languages}  # [n_layers, d_model] each
    if len(means) < 2:
        raise ValueError(f"it takes prompts in two languages or more, not in {list(means)} alone")
    found = {}
    for lang, own in means.items():
        others = [mean for other, mean in means.items() if other != lang]
        difference = own - sum(others) / len(others)
        found[lang] = difference / difference.norm(dim=-1, keepdim=True)
    return {"direction": found}


@strategy("diff-means", fit=directions)
def diff_means(source, target, i, j, fit, alpha: float = 4.0, lang: str = "target"):
    target = target.during("all")
    target.resid_post[j, :] = target.resid_post[j, :] + alpha * fit["direction"][lang][j]
