"""The page for Python runs as it is written, one block after the other."""

import re

import numpy as np
import pytest
from pages import ROOT

PAGE = ROOT / "docs" / "python.md"


@pytest.mark.slow  # a model, a dozen grids and a run
def test_the_blocks_of_the_page_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    for number, block in enumerate(blocks):
        # A strategy's source is looked for in its file.
        file = tmp_path / f"block_{number}.py"
        file.write_text(block, encoding="utf-8")
        exec(compile(block, str(file), "exec"), names)
    assert len(blocks) == 9
    assert names["matrix"].shape == (8, 8)
    assert names["cell"].probability == np.exp(names["matrix"][6, 1])
    assert (names["best"].source_layer, names["best"].target_layer) == (6, 1)
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "grid.json").stat().st_size > 1000
    assert (tmp_path / "lens.png").read_bytes().startswith(b"\x89PNG")
    assert str(names["grid"].strategy) == "add-half"
    assert len(names["frame"]) == 6 * 3
    assert "resid-swap" in set(names["counts"].strategy)
    assert "grid of ffn-swap" in capsys.readouterr().out
