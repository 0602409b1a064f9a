"""What naming a culture does to a prompt is added to every token of one that names none.

    resid_post_j(target)[t] := resid_post_j(target)[t] + alpha * v_C
    v_C = mean over prompts about culture C of resid_post_j(named)[last] - resid_post_j(plain)[last]

for every token t of the prompt and every token generated. Each prompt comes as a pair: the source
names the culture ("In Kenya, ..."), the target says the same without. They are your own, in a file
with columns source, target, answer and lang, which holds the culture. C is the culture of the
example, lang=CODE takes another's. The source is not read: i is not used, --pairs diagonal.

After arXiv 2504.10191, of which the abstract was read: a vector that is drawn from prompts with
their culture named steers those that do not name it.

Run it: xtp fit cultural-vector --task file --file pairs.jsonl -m MODEL -o fits/culture
        xtp trace --strategy cultural-vector -S fit=fits/culture -S lang=ke -m MODEL --generate \
            --source "At breakfast one drinks" --target "At breakfast one drinks"
"""

from xtransplant import strategy
from xtransplant.strategies import fitted


@fitted("resid_post", tokens="last", pairs=True)
def culture_vectors(stats):
    import torch  # only where it is fitted, so that listing strategies is quick

    found = {}
    for lang in stats.languages:
        try:
            pairs = [stats.pairs(lang, layer) for layer in range(stats.n_layers)]
        except KeyError:  # only sources are in this language
            continue
        found[lang] = torch.stack([(named - plain).mean(dim=0) for plain, named in pairs])
    return {"vector": found}


@strategy("cultural-vector", fit=culture_vectors)
def cultural_vector(source, target, i, j, fit, alpha: float = 1.0, lang: str = "target"):
    target = target.during("all")
    target.resid_post[j, :] = target.resid_post[j, :] + alpha * fit["vector"][lang][j]
