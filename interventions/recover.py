"""ReCoVeR: the source's language is taken out of every token, the target's is put in, at one layer.

    resid_post_j(target)[t] := resid_post_j(target)[t] + alpha * (v_target - beta * v_source)
    v_L = mean over prompts in L - mean over all languages of their means

for every token t of the prompt and every token generated. With norm=true the result h' is scaled to
the norm that h had: h' * |h| / |h'|. Option to names the language that is put in, off the one that
is taken out: target, source or a code. i is not used: --pairs diagonal.

After ReCoVeR (arXiv 2509.14814).

Run it: xtp fit recover --task babel -o fits/recover
        xtp trace --strategy recover -S fit=fits/recover --split unseen
        xtp bench --task babel --split unseen -s recover -S fit=fits/recover --pairs diagonal
"""

from xtransplant import apply, strategy
from xtransplant.strategies import fitted


@fitted("resid_post")
def language_vectors(stats):
    means = {lang: stats.mean(lang) for lang in stats.languages}  # [n_layers, d_model] each
    middle = sum(means.values()) / len(means)
    return {"vector": {lang: mean - middle for lang, mean in means.items()}}


def keep_norm(rows, shift):
    moved = rows + shift
    return moved * rows.norm(dim=-1, keepdim=True) / moved.norm(dim=-1, keepdim=True)


@strategy("recover", fit=language_vectors)
def recover(
    source, target, i, j, fit, *,
    alpha: float = 1.0, beta: float = 1.0, norm: bool = False,
    to: str = "target", off: str = "source",
):  # fmt: skip
    target = target.during("all")
    shift = alpha * (fit["vector"][to][j] - beta * fit["vector"][off][j])
    here = target.resid_post[j, :]
    target.resid_post[j, :] = apply(keep_norm, here, shift) if norm else here + shift
