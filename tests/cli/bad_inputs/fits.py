"""Fits that are not of the model, the layers, the site or the strategy that they are used with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from bad_inputs.row import Row, row

LLAMA = str(Path(__file__).parents[2] / "golden" / "llama")
MISTRAL = str(Path(__file__).parents[2] / "golden" / "mistral")
USE = "-S fit=fit -m LLAMA --source hi --target ho"
MEANS = f"trace -s diff-means -S lang=sw {USE}"
OWN = """from xtransplant import strategy
from xtransplant.strategies import fitted

@fitted('resid_post')
def means(stats):
    return {'v': stats.mean('en')}

@strategy('own', fit=means)
def own(source, target, i, j, fit):
"""


def made(model: str, name: str = "diff-means", **changes: object) -> Callable[[Path], object]:
    """Makes a fit of made-up numbers, and changes what its manifest says."""

    def make(folder: Path) -> None:
        from fits_made import made_fit

        from xtransplant import load

        made_fit(load(model), name, folder / "fit")
        file = folder / "fit" / "fit.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return make


def own(id: str, body: str, *words: str, flags: str = "") -> Row:
    """A strategy of one's own, whose only line is line 10, with a fit that is right."""
    return row(f"a fit {id}", f"trace -s own.py {USE} {flags}", *words,
               files={"own.py": f"{OWN}    {body}\n"}, make=made(LLAMA, "own.py"))  # fmt: skip


ROWS = [
    row("a strategy without its fit", "trace -s diff-means -m LLAMA --source hi --target ho",
        "diff-means needs a fit", "xtp fit diff-means", "-m", "-S fit="),
    row("no fit there", MEANS, "no fit in 'fit'", "xtp fit writes"),
    row("a fit of another model", MEANS, "is of another model", "golden/mistral", "config",
        "xtp fit diff-means -m", make=made(MISTRAL)),
    row("a fit of another site", MEANS, "is of site ffn", "diff-means is fitted at resid_post",
        make=made(LLAMA, site="ffn")),
    row("a fit of another strategy", MEANS, "made for strategy recover, not for diff-means",
        make=made(LLAMA, "recover")),
    row("a fit of another version", MEANS, "another version of the function",
        make=made(LLAMA, formula="x")),
    row("a fit of other languages", MEANS.replace("sw", "zz"), "no language 'zz'", "en, sw, hi",
        make=made(LLAMA)),
    row("a fit for a language that is not known", MEANS.replace("-S lang=sw", ""),
        "the target's is not known", "-S lang=CODE", make=made(LLAMA)),
    row("a fit for what takes none", f"trace -s attn-swap {USE}", "attn-swap has no option 'fit'",
        make=made(LLAMA)),
    own("layer that it has not", "target.attn[j] = fit['v'][j + 1]", "there is no layer 4",
        "layers 0 to 3", flags="--target-layers 3"),
    own("layer in words", "target.attn[j] = fit['v']['last']", "own.py line 10",
        "the same in all languages"),
    own("of another width", "target.neurons[j] = fit['v'][j]", "own.py line 10",
        "96 wide and fit.v[j] is 48", "another model or site"),
    own("that it does not hold", "target.attn[j] = fit['w'][j]", "own.py line 10",
        "the fit has no 'w'", "it has v"),
    own("without its layer", "target.attn[j] = fit['v']", "own.py line 10", 'write fit["v"][j]'),
    own("computed with, without its layer", "target.attn[j] = 0.5 * fit['v']", "own.py line 10",
        'write fit["v"][j]'),
    own("compared, without its layer", "target.attn[j] = 0 if fit['v'] == fit['v'] else 1",
        "own.py line 10", 'write fit["v"][j]'),
    own("added, without its layer", "target.attn[j] = target.attn[j] + fit['v']",
        "own.py line 10", 'write fit["v"][j]'),
    own("computed with, without a name", "target.attn[j] = 0.5 * fit", "own.py line 10",
        'write fit["v"][j]'),
    own("as it is printed", "target.attn[j] = 0.5 * fit.v[j]", "own.py line 10",
        'write fit["v"][j]'),
]  # fmt: skip
