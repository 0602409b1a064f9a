"""The last layers are skipped: a linear map takes the stream after a layer to where the last ends.

    resid_post_end(target)[last] := W_j resid_post_j(target)[last]

end is the last layer. W_j is the least squares map from resid_post_j to resid_post_end at the last
token of prompts in all languages, with a ridge, so that few prompts do not fit it to noise. The
layers between still run, and what they leave in the cache stays. when=all maps every token
generated too, though W_j saw none. The source is not read: i is not used, --pairs diagonal. Option
ridge, in mean squared norms of the stream, is of the fit: xtp fit shortcut-map -S ridge=0.1.

After KLAR (arXiv 2504.04264), of which the abstract was read: a linear shortcut past the final
layers, in which what is known in one language gets lost on its way into another.

Run it: xtp fit shortcut-map --task babel -o fits/shortcut
        xtp trace --strategy shortcut-map -S fit=fits/shortcut --split unseen
"""

from typing import Literal

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post", tokens="last", pairs=True)
def maps(stats, ridge: float = 0.01):
    import torch  # only where it is fitted, so that listing strategies is quick

    streams = [  # [n_prompts, d_model] after each layer
        torch.cat([stats.vectors(lang, layer) for lang in stats.languages]).double()
        for layer in range(stats.n_layers)
    ]
    found = []
    for own in streams:
        products = own @ own.T
        products += ridge * products.diag().mean() * torch.eye(len(own))
        found.append((own.T @ torch.linalg.solve(products, streams[-1])).T)
    return {"map": torch.stack(found).float()}


@strategy("shortcut-map", fit=maps)
def shortcut_map(source, target, i, j, fit, when: Literal["prefill", "all"] = "prefill"):
    target = target.during(when)
    target.resid_post[target.n_layers - 1] = fit["map"][j] @ target.resid_post[j]
