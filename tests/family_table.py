"""Print how each family does against plain hooks: python -m tests.family_table."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).parent))

from family_cases import PAIRS, STRATEGIES, prompts
from reference import reference_generate, reference_scores
from tiny import FAMILY_NAMES, tiny_checkpoint

from xtransplant import find_strategy, load, verify_packing
from xtransplant.engine.ask.items import Item
from xtransplant.engine.ask.request import Decoding
from xtransplant.engine.ask.variants import shape_of
from xtransplant.engine.generate import generate_items
from xtransplant.engine.score import score_items


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    print(
        "| family | packing | worst score difference (nats) | generations equal |"
        "\n|---|---|---|---|"
    )
    source, target, candidates = prompts()
    overall = 0.0
    for family in FAMILY_NAMES:
        model = load(tiny_checkpoint(family))
        plain, packing = model.module, verify_packing(model).packing
        worst, same, total = 0.0, 0, 0
        for site, name in STRATEGIES.items():
            variants = [find_strategy(name).edits(shape_of(model), i, j) for i, j in PAIRS]
            item = Item(source, target, candidates, candidates)
            found = next(score_items(model, [item], variants, packing=packing))
            expected = [
                reference_scores(plain, site, source, target, i, j, candidates) for i, j in PAIRS
            ]
            worst = max(worst, float(np.abs(found.logprobs - np.array(expected)).max()))
            said = next(
                generate_items(model, [item], variants, packing=packing, decoding=Decoding(6))
            )
            for (i, j), ids in zip(PAIRS, said.token_ids, strict=True):
                same += list(ids) == reference_generate(plain, site, source, target, i, j, 6)
                total += 1
        overall = max(overall, worst)
        print(f"| {family} | {packing} | {worst:.1e} | {same} of {total} |", flush=True)
    print(f"\nworst of all: {overall:.1e}")


if __name__ == "__main__":
    main()
