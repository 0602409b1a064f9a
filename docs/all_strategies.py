"""The tables of docs/all-strategies.md, on capitals, KLAR and Babel.

python docs/all_strategies.py models/gemma3-270m.gguf ../shared/data

Fits what is to be fitted, chooses each strategy's pair among eight on other examples than are
reported, and prints the table in Markdown. Runs and fits are kept in ./strategies, so the same
command goes on where it was left.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

from xtransplant import find_strategy

MODEL, DATA = sys.argv[1:]
LANGS = {"capitals,klar": "es,ru,tr,zh", "babel": "sw,zh,ar,ru,hi"}
REAL = ["-m", MODEL, "--data-dir", DATA]
ON = {tasks: [*(REAL if tasks != "babel" else []), "-l", langs] for tasks, langs in LANGS.items()}
FITTED = [
    name
    for name in sorted(one.name for one in entry_points(group="xtransplant.strategies"))
    if find_strategy(name).is_fitted
]


def xtp(*words: str) -> str:
    """What a command prints; on standard error it says how far it is."""
    print("xtp", *words, file=sys.stderr)
    return subprocess.run(["xtp", *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def run(tasks: str, flags: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Results on unseen examples, all languages together: by task, and by strategy."""
    # With null grid other, of those that read a source prompt.
    pilot = ["pilot", "--config", "strategies-pilot", "-t", tasks, *flags]
    fits = []
    for name in FITTED:
        fit = f"strategies/fits/{tasks.replace(',', '+')}/{name}"  # a comma would end the value
        # To the last pilot examples; by the first the pairs are chosen.
        xtp("fit", name, "-t", tasks, *flags, "--last", "8", "-o", fit)
        fits += ["-s", f"{name}(fit={fit})"]
    found: dict[str, dict[str, dict[str, Any]]] = {task: {} for task in tasks.split(",")}
    # The mean over the same items' prompts in the other languages.
    means = ["-s", "resid-mean-swap", "--sources", LANGS[tasks]]
    for strategies in ([], ["-s", "span-swap"], means, fits):
        results = json.loads(xtp(*pilot, "--json", *strategies))["results"]
        for whole in (own for name, own in results.items() if name.endswith("_score")):
            rows = found[whole["alias"].partition("_")[0]]
            for name, value in whole.items():
                figure, _, row = name.partition(",")
                # A fit's folder is this script's own.
                row = re.sub(r"\(fit=[^,)]*\)", "", row.removesuffix(",pilot"))
                rows.setdefault(row, {})[figure] = value
    return found


def shown(own: dict[str, Any]) -> str:
    """The pair, percent right, points gained, gap mended and its null grid's, and shared kept."""
    gap, null, kept = (own.get(f"acc_{name}") for name in ("gap", "null_other_gap", "shared"))
    return " | ".join(
        [
            "→".join(map(str, own.get("acc_pair", ()))),
            f"{100 * own['acc']:.0f}",
            points(own),
            *("" if share is None else f"{100 * share:.0f}" for share in (gap, null, kept)),
        ]
    )


def points(own: dict[str, Any]) -> str:
    """Gained over vanilla, paired by example, with an interval over items and the exact p."""
    if "acc_gain" not in own:
        return ""
    low, high = own["acc_gain_ci95"]
    inside = "" if low is None else f" ({100 * low:+.0f} to {100 * high:+.0f})"
    return f"{100 * own['acc_gain']:+.0f}{inside}, {own['acc_gain_p']:.2f}"


tables = [run(tasks, flags) for tasks, flags in ON.items()]
for task, rows in (one for found in tables for one in found.items()):
    counts = [rows["vanilla"][name] for name in ("n", "acc_gap_n", "acc_shared_n")]
    print(f"\n{task}: {counts[0]} examples, {counts[1]} in the gap, {counts[2]} shared\n")
    print(
        "| | pair | % right | points (95%), p | gap mended, % | its null grid, % | shared kept, % |"
    )
    print("|---|---|--:|--:|--:|--:|--:|")
    for name, own in rows.items():
        if name:
            print(f"| {name} | {shown(own)} |")
