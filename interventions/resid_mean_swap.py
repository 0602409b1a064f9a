"""The mean over several source prompts' residual streams in the place of the target's.

    resid_post_j(target)[last] := mean over languages L of resid_post_i(source in L)[last]

What the languages say alike stays, what each adds of its own is averaged out: the mean is nearer to
the question than to any wording of it. After Dumas et al. (arXiv 2411.08745), who write the
mean at the token of a word to be translated; here it is the prompt's last token. The example's
own source is one of the prompts, the others are named by --sources.

Run it: xtp trace --strategy resid-mean-swap --sources zh,ar,ru
"""

from xtransplant import strategy


@strategy("resid-mean-swap")
def resid_mean_swap(source, target, i, j):
    target.resid_post[j] = source.mean.resid_post[i]
