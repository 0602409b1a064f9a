"""The directions in which languages differ are taken out of every token, and put back at the end.

    resid_post_l(target)[t] := resid_post_l(target)[t] - strength * P_l resid_post_l(target)[t]
    resid_post_last(target)[t] := resid_post_last(target)[t] + back * P resid_post_last(target)[t]

for l = j .. j+width-1 and every token t of the prompt and every token generated. P_l projects on
the span of the languages' means at layer l, less the mean of these: their singular vectors, one
fewer than there are languages. back=0 (the default) puts nothing back. i is not used: --pairs
diagonal.

After LSAR and its use in reasoning models (arXiv 2505.15257).

Run it: xtp fit language-subspace --task babel -o fits/subspace
        xtp trace --strategy language-subspace -S fit=fits/subspace --split unseen
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post")
def subspace(stats):
    import torch  # only where it is fitted, so that listing strategies is quick

    means = torch.stack([stats.mean(lang) for lang in stats.languages], dim=1)
    if means.shape[1] < 2:
        raise ValueError(f"it takes prompts in two languages or more, not in {stats.languages}")
    centred = means - means.mean(dim=1, keepdim=True)  # [n_layers, n_languages, d_model]
    return {"basis": torch.linalg.svd(centred, full_matrices=False).Vh[:, :-1]}


@strategy("language-subspace", fit=subspace)
def language_subspace(
    source, target, i, j, fit, *, strength: float = 1.0, back: float = 0.0, width: int = 1
):
    target, last = target.during("all"), target.n_layers - 1
    for k in range(width):
        here = target.resid_post[j + k, :]
        target.resid_post[j + k, :] = here - strength * fit["basis"][j + k].project(here)
    if back:
        here = target.resid_post[last, :]
        target.resid_post[last, :] = here + back * fit["basis"][last].project(here)
