"""The picture of packing in docs/method.md, from the layout that the engine itself makes.

python docs/packing_picture.py docs/packing.png
"""

import sys

import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from xtransplant.packing import pack

PROMPT = ["Mji", "mkuu", "wa", "Kenya", "ni"]
# " Nai" + "robi", " Mom" + "basa": a candidate's last token is only predicted, never run.
ANSWERS = [[5, 6], [7, 8]]
WORDS = [*PROMPT, "␣Nai", "robi", "␣Mom", "basa"]
# Two layers to read from and two to write at: four pairs, the target layer of each.
PAIRS = [(0, 1), (1, 1), (0, 2), (1, 2)]
NAMES = ["the prompt itself", *(f"{i}→{j}" for i, j in PAIRS)]
# Not seen; what all share; what is a variant's own.
COLOURS = ListedColormap(["#ffffff", "#9db7d5", "#d9822b"])


def main(path: str) -> None:
    """Draw who sees whom, and which columns each layer has."""
    layout = pack(
        [range(len(PROMPT))],
        1,
        [target for _, target in PAIRS],
        [ANSWERS],
        inline=True,
    )
    trunk, block = layout.n_trunk, layout.n_block
    size = trunk + block * len(NAMES)
    seen = torch.zeros(size, size, dtype=torch.int64)
    seen[:trunk, :trunk] = torch.ones(trunk, trunk, dtype=torch.int64).tril()
    for number in range(len(NAMES)):
        own = slice(trunk + number * block, trunk + (number + 1) * block)
        seen[own, :trunk] = 1
        seen[own, own] = layout.block_sees[0].long() * (2 if number else 1)
    ids = [*layout.trunk_ids[0].tolist(), *layout.block_ids[0].tolist() * len(NAMES)]
    words = [WORDS[token] for token in ids]

    figure = Figure(figsize=(9.6, 10.4), layout="constrained")
    mask, layers = figure.subplots(2, 1, height_ratios=[size, 4.5])
    mask.imshow(seen, cmap=COLOURS, vmin=0, vmax=2)
    mask.set_xticks(range(size), words, rotation=90, fontsize=8)
    mask.set_yticks(range(size), words, fontsize=8)
    mask.set_title(
        "Who sees whom: a row is a token of the one sequence, coloured what it attends to"
    )
    live = torch.ones(4, size, dtype=torch.int64)
    for layer in range(4):
        live[layer, trunk + block * layout.n_blocks(layer) :] = 0
    for variant, start in enumerate(layout.starts):
        first = layout.column(layout.blocks[variant], 0)
        live[start:, first : first + block] = 2
    layers.imshow(live.flip(0), cmap=COLOURS, vmin=0, vmax=2, aspect="auto")
    layers.set_yticks(range(4), [f"layer {layer}" for layer in (3, 2, 1, 0)], fontsize=8)
    layers.set_title("Which of them a layer computes: a variant joins at the layer it writes at")
    for axes in (mask, layers):
        axes.set_xticks([x - 0.5 for x in range(size)], minor=True)
        axes.grid(which="minor", axis="x", color="#dddddd", linewidth=0.5)
        axes.tick_params(which="both", length=0)
        for number in range(len(NAMES)):
            axes.axvline(trunk + number * block - 0.5, color="#333333", linewidth=1)
    mask.set_yticks([y - 0.5 for y in range(size)], minor=True)
    mask.grid(which="minor", axis="y", color="#dddddd", linewidth=0.5)
    middles = [trunk + block * (number + 0.5) - 0.5 for number in range(len(NAMES))]
    layers.set_xticks([trunk / 2 - 0.5, *middles], ["shared by all", *NAMES], fontsize=9)
    for number in range(len(NAMES)):
        mask.axhline(trunk + number * block - 0.5, color="#333333", linewidth=1)
    figure.savefig(path, dpi=110)


main(sys.argv[1])
