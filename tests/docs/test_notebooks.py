"""The notebooks run, show nothing but their results, and are kept without them."""

import os
import runpy
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from pages import ROOT

NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
REAL = os.environ.get("XTRANSPLANT_TEST_REAL")


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_are_kept_without_outputs(path):
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert len(code) > 3
    assert not [cell for cell in code if cell.outputs or cell.execution_count]
    assert path.stat().st_size < 12_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_the_site_shows_of_them_is_of_the_code_that_they_have(path):
    """`python docs/notebook_pages.py` runs them anew; outputs of another code are refused."""
    pages = runpy.run_path(str(ROOT / "docs" / "notebook_pages.py"))
    assert path.stem in pages["PAGES"].values()
    shown = pages["outputs"](path.stem)
    cells = read(path).cells
    assert shown
    assert {cells[number].cell_type for number in shown} == {"code"}
    assert not [text for text in shown.values() if "<script" in text or str(ROOT) in text]
    text = pages["page"](path.stem)
    assert all(f'data-output="{number}"' in text for number in shown)


def test_outputs_of_another_code_are_refused(monkeypatch, tmp_path):
    pages = runpy.run_path(str(ROOT / "docs" / "notebook_pages.py"))
    look = pages["outputs"].__globals__
    kept = (ROOT / "docs" / "notebooks" / "paper.json").read_text(encoding="utf-8")
    (tmp_path / "paper.json").write_text(kept.replace('"code": "', '"code": "0'), encoding="utf-8")
    monkeypatch.setitem(look, "OUTPUTS", tmp_path)
    with pytest.raises(ValueError, match=r"paper\.ipynb has changed"):
        pages["outputs"]("paper")


@pytest.mark.slow  # each starts a kernel and loads a model
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_they_run(path, tmp_path, monkeypatch):
    if path.stem == "real_model":
        if REAL is None or not (Path(REAL) / "gemma3-270m.gguf").is_file():
            pytest.skip(f"no gemma3-270m.gguf in XTRANSPLANT_TEST_REAL ({REAL}): run .ci/real")
        monkeypatch.setenv("XTRANSPLANT_TEST_REAL", str(Path(REAL).resolve()))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    notebook, work = read(path), tmp_path / "work"
    work.mkdir()
    # A notebook that fails raises here, with its cell and traceback.
    NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(work)}}
    ).execute()
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    shown = [one.data["text/html"] for one in outputs if "text/html" in one.get("data", {})]
    assert any('<div class="xtp">' in html for html in shown)
    # tqdm misses ipywidgets, which are not ours to ask for.
    noise = [
        one.text for one in outputs if one.get("name") == "stderr" and "IProgress" not in one.text
    ]
    assert not noise
    assert not [
        one for one in outputs if "Figure size" in str(one.get("data")) and len(one.data) == 1
    ]
