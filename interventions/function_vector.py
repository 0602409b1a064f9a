"""What attention brings to the last token of prompts in a language is added to the target's.

    resid_post_j(target)[last] := resid_post_j(target)[last] + alpha * v_L
    v_L = sum of a_L[l], l = i-width+1 .. i
    a_L[l] = mean over prompts in L of attn_l[last]

at the prompt's last token and at every token generated. width=0 (the default) takes the sum from
the first layer on, as does a width that reaches below it. L is the source's language by default;
lang=target takes the target's, lang=CODE another. The vector does what the prompts that it was
fitted to ask for, so these should show the task by examples of it (--task file takes your own).

After function vectors (Todd et al., arXiv 2310.15213), which sum the outputs of a few heads: those
that restore the right answer best in prompts whose examples have shuffled labels. Here all heads of
the layers up to i are summed, and a pilot chooses i and j.

Run it: xtp fit function-vector --task babel -o fits/function
        xtp trace --strategy function-vector -S fit=fits/function --split unseen
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("attn", tokens="last")
def attention_sums(stats):
    # Up to each layer, [n_layers, d_model]: of two, the difference is the sum of those between.
    return {"sum": {lang: stats.mean(lang).cumsum(dim=0) for lang in stats.languages}}


@strategy("function-vector", fit=attention_sums)
def function_vector(
    source, target, i, j, fit, *, alpha: float = 1.0, width: int = 0, lang: str = "source"
):
    target = target.during("all")
    vector = fit["sum"][lang][i]
    if 0 < width <= i:
        vector = vector - fit["sum"][lang][i - width]
    target.resid_post[j] = target.resid_post[j] + alpha * vector
