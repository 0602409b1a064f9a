"""Two languages' vectors: the source's is added at a middle layer, the target's at a deep one.

    resid_post_i(target)[t] := resid_post_i(target)[t] + alpha * v_source
    resid_post_j(target)[t] := resid_post_j(target)[t] + beta * v_target
    v_L = mean over prompts in L - mean over all languages of their means, at that layer

for every token t of the prompt and every token generated. i and j are both layers of the target
here: where the first is added, and where the second is; pairs with i < j are the ones to look at.

After Surgical Steering (arXiv 2510.26024), of which the abstract was read: an English vector where
knowledge is transferred, a local one where the answer is localised.

Run it: xtp fit two-vectors --task babel -o fits/two
        xtp trace --strategy two-vectors -S fit=fits/two --split unseen
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post")
def language_vectors(stats):
    means = {lang: stats.mean(lang) for lang in stats.languages}  # [n_layers, d_model] each
    middle = sum(means.values()) / len(means)
    return {"vector": {lang: mean - middle for lang, mean in means.items()}}


@strategy("two-vectors", fit=language_vectors)
def two_vectors(source, target, i, j, fit, alpha: float = 1.0, beta: float = 1.0):
    target = target.during("all")
    target.resid_post[i, :] = target.resid_post[i, :] + alpha * fit["vector"]["source"][i]
    target.resid_post[j, :] = target.resid_post[j, :] + beta * fit["vector"]["target"][j]
