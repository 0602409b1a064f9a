"""The few dimensions in which a language differs most from others are set to its means.

    resid_post_j(target)[t, k] := scale * mean_L[k]   for the dims largest |mean_L - mean_others|[k]

for every token t of the prompt and every token generated; the other dimensions stay. L is the
target's own language by default, and mean_others the mean of the other languages' means. Option
dims is of the fit: xtp fit sparse-dims -S dims=32. i is not used: --pairs diagonal.

After sparse language dimensions (arXiv 2510.07213), where 400 are overwritten in one model.

Run it: xtp fit sparse-dims --task babel -S dims=16 -o fits/sparse
        xtp trace --strategy sparse-dims -S fit=fits/sparse --split unseen
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post")
def dimensions(stats, dims: int = 16):
    means = {lang: stats.mean(lang) for lang in stats.languages}  # [n_layers, d_model] each
    if len(means) < 2:
        raise ValueError(f"it takes prompts in two languages or more, not in {list(means)} alone")
    keep, put = {}, {}
    for lang, own in means.items():
        others = [mean for other, mean in means.items() if other != lang]
        apart = (own - sum(others) / len(others)).abs()
        chosen = apart.topk(min(dims, apart.shape[-1]), dim=-1).indices
        keep[lang] = own.new_ones(own.shape).scatter(-1, chosen, 0.0)
        put[lang] = own * (1 - keep[lang])
    return {"keep": keep, "put": put}


@strategy("sparse-dims", fit=dimensions)
def sparse_dims(source, target, i, j, fit, scale: float = 1.0, lang: str = "target"):
    target = target.during("all")
    kept = target.resid_post[j, :] * fit["keep"][lang][j]
    target.resid_post[j, :] = kept + scale * fit["put"][lang][j]
