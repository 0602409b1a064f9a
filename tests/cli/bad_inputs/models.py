"""Bad folders of models: copies of a tiny checkpoint, one file of each damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bad_inputs.row import Row, row

LLAMA = Path(__file__).parents[2] / "golden" / "llama"
COMMAND = "trace -s attn-swap -m ./model --source hi --target ho"


def model(id: str, change: Callable[[Path], object], *words: str) -> Row:
    def make(folder: Path) -> None:
        shutil.copytree(LLAMA, folder / "model")
        change(folder / "model")

    return row(f"model: {id}", COMMAND, "'./model'", *words, make=make)


def holding(file: str, content: str | bytes) -> Callable[[Path], object]:
    raw = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / file).write_bytes(raw)


def config(**fields: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return change


def without(pattern: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        for path in folder.glob(pattern):
            path.unlink()

    return change


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


ROWS = [
    model("no configuration", without("config.json"), "no config.json"),
    model("an empty configuration", holding("config.json", ""), "config.json"),
    model("half a configuration", holding("config.json", '{"model_type":'), "config.json"),
    model("no type", holding("config.json", "{}"), "config.json", "model_type"),
    model("a type that is none", config(model_type="nonsense"), "'nonsense'", "config.json"),
    model("weights of other shapes", config(hidden_size=24), "other shapes", "config.json"),
    model("more layers than weights", config(num_hidden_layers=8), "lacks weights"),
    model("no weights", without("*.safetensors"), "no .safetensors weights"),
    model("empty weights", holding("model.safetensors", b""), "damaged .safetensors"),
    model("cut weights", cut_weights, "damaged .safetensors", "get it again"),
    model("weights that are text", holding("model.safetensors", "hello"), "damaged .safetensors"),
    model("no tokenizer", without("token*"), "no tokenizer", "tokenizer.json"),
]
