"""ITLC: from the source's language to the target's, in those directions alone that tell languages.

    resid_post_j(target)[t] := resid_post_j(target)[t] + alpha * (v_target - v_source)
    v_L = pinv(W) W mean_L

for every token t of the prompt and every token generated; when=prefill keeps to the prompt, when=
decode to what is generated. W, at layer j, is the map of a linear discriminant analysis of prompts
by their languages, with one direction fewer than there are languages, and mean_L the mean over
prompts in L, of each the mean over its tokens. Option to names the language that is put in, off the
one that is taken out: target, source or a code. Option shrink, of the fit, mixes that much of a
multiple of the identity into the prompts' scatter within languages, which few prompts leave
singular. i is not used: --pairs diagonal.

After ITLC (arXiv 2506.12450), which shifts in the space of W, at a middle layer, and goes back by
its pseudo-inverse: the sum is the same.

Run it: xtp fit itlc --task babel -o fits/itlc
        xtp trace --strategy itlc -S fit=fits/itlc --split unseen
"""

from typing import Literal

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post", pairs=True)
def language_vectors(stats, shrink: float = 0.1):
    import torch  # only where it is fitted, so that listing strategies is quick

    if len(stats.languages) < 2:
        raise ValueError(f"it takes prompts in two languages or more, not in {stats.languages}")
    found = []
    for layer in range(stats.n_layers):
        rows = {lang: stats.vectors(lang, layer).double() for lang in stats.languages}
        means = torch.stack([own.mean(dim=0) for own in rows.values()])  # [n_languages, d_model]
        within = torch.cat([own - mean for own, mean in zip(rows.values(), means, strict=True)])
        scatter = within.T @ within / len(within)
        mixed = (1 - shrink) * scatter + shrink * scatter.diag().mean() * torch.eye(len(scatter))
        w = torch.linalg.solve(mixed, (means - means.mean(dim=0)).T)  # spans the discriminants
        basis = torch.linalg.svd(w, full_matrices=False).U[:, :-1]
        found.append((means @ basis @ basis.T).float())
    by_language = zip(stats.languages, zip(*found, strict=True), strict=True)
    return {"vector": {lang: torch.stack(own) for lang, own in by_language}}


@strategy("itlc", fit=language_vectors)
def itlc(
    source, target, i, j, fit, *,
    alpha: float = 1.0, when: Literal["all", "prefill", "decode"] = "all",
    to: str = "target", off: str = "source",
):  # fmt: skip
    target = target.during(when)
    shift = fit["vector"][to][j] - fit["vector"][off][j]
    target.resid_post[j, :] = target.resid_post[j, :] + alpha * shift
