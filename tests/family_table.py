"""Print the table of docs/families.md: python -m tests.family_table.

How each family is laid out, and how it does against plain hooks.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).parent))

from family_cases import CANDIDATES, HEAD, cases, prompts, swap
from reference import continued, likelihood, read_lasts
from tiny import WRAPPERS, tiny_checkpoint

from xtransplant import load, verify_packing
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items
from xtransplant.model.family_table import FAMILIES
from xtransplant.model.model import Model
from xtransplant.packing import Packing


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    print(
        "| type | laid out | packing | worst score difference (nats) | generations equal |"
        "\n|---|---|---|---|---|"
    )
    overall = 0.0
    for family, table in FAMILIES.items():
        if family in WRAPPERS:
            print(f"| {family} | {table.summary} | as {WRAPPERS[family]} | | |")
            continue
        model = load(tiny_checkpoint(family))
        packing = verify_packing(model).packing
        worst, same, total = compare(model, packing)
        overall = max(overall, worst)
        shown = f"{packing} | {worst:.1e} | {same} of {total}"
        print(f"| {family} | {table.summary} | {shown} |", flush=True)
    print(f"\nworst of all: {overall:.1e}")


def compare(model: Model, packing: Packing) -> tuple[float, int, int]:
    """Worst difference of scores, and of how many generations how many are equal."""
    source, target = prompts()
    tried = cases(model)
    variants = [swap(site).edits(shape_of(model), i, j) for site, i, j in tried]
    item = Item(source, target, CANDIDATES, CANDIDATES)
    found = next(score_items(model, [item], variants, packing=packing))
    said = next(generate_items(model, [item], variants, packing=packing, decoding=Decoding(6)))
    read = read_lasts(model.module, source, [(site, i) for site, i, _ in tried])
    worst, same = 0.0, 0
    for n, (site, i, j) in enumerate(tried):
        ids = list(said.token_ids[n])
        texts = [*CANDIDATES, ids]
        head = HEAD if site == "head" else None
        *scored, after = continued(model.module, site, j, read[site, i], target, texts, head)
        for k, logprobs in enumerate(scored):
            error = abs(found.logprobs[n, k] - likelihood(logprobs, CANDIDATES[k]))
            worst = max(worst, float(error))
        same += after.argmax(-1).tolist()[: len(ids)] == ids
    return worst, same, len(tried)


if __name__ == "__main__":
    main()
