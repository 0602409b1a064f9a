"""The notebooks as pages of the site, with what they gave.

Notebooks are kept without outputs (tests run them), and building the site runs nothing. So what
they gave is kept beside, in docs/notebooks/, with a hash of the code that gave it: a notebook that
was changed since is an error. To run them anew, all or some:

    XTRANSPLANT_TEST_REAL=models python docs/notebook_pages.py paper strategy real_model
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUTPUTS = ROOT / "docs" / "notebooks"
# What each is called as a page.
PAGES = {
    "notebook-paper.md": "paper",
    "notebook-strategy.md": "strategy",
    "notebook-real-model.md": "real_model",
}
_OUTPUT = re.compile(r'<div data-output="(\d+)"></div>')


def cells(name: str) -> list[tuple[str, str]]:
    """Kind and text of each cell."""
    notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    return [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]


def code_hash(name: str) -> str:
    """What outputs depend on."""
    code = [text for kind, text in cells(name) if kind == "code"]
    return hashlib.sha256("\n\n".join(code).encode()).hexdigest()


def outputs(name: str) -> dict[int, str]:
    """What each cell gave, as HTML, by the cell's number; an error if its code is another now."""
    kept = json.loads((OUTPUTS / f"{name}.json").read_text(encoding="utf-8"))
    if kept["code"] != code_hash(name):
        raise ValueError(
            f"notebooks/{name}.ipynb has changed since docs/notebooks/{name}.json was made; "
            f"run: python docs/notebook_pages.py {name}"
        )
    return {int(number): text for number, text in kept["outputs"].items()}


def page(name: str) -> str:
    """The notebook as Markdown, with a place for each output."""
    shown = outputs(name)
    parts = []
    for number, (kind, text) in enumerate(cells(name)):
        parts.append(f"```python\n{text}\n```" if kind == "code" else text)
        if number in shown:
            parts.append(f'<div data-output="{number}"></div>')
        if number == 0:
            parts.append(f"*This page is `notebooks/{name}.ipynb`, with what it gave.*")
    return "\n\n".join(parts)


def on_files(files: Any, config: Any) -> Any:
    """Add a page for each notebook."""
    from mkdocs.structure.files import File

    for path, name in PAGES.items():
        files.append(File.generated(config, path, content=page(name)))
    return files


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Put each output where its place is, untouched by Markdown."""
    name = PAGES.get(page.file.src_uri)
    if name is None:
        return html
    shown = outputs(name)

    def placed(found: re.Match[str]) -> str:
        return f'<div class="output" data-search-exclude>{shown[int(found[1])]}</div>'

    return _OUTPUT.sub(placed, html)


def _as_html(output: Any) -> str:
    """One output as a notebook shows it; what goes to stderr is left out."""
    if output.output_type == "stream":
        return (
            f"<pre><code>{html.escape(output.text)}</code></pre>" if output.name == "stdout" else ""
        )
    data = output.get("data", {})
    if "text/html" in data:
        return str(data["text/html"])
    if "image/png" in data:
        words = html.escape(data.get("text/plain", "a figure"))
        return f'<img alt="{words}" src="data:image/png;base64,{data["image/png"].strip()}">'
    return _as_pre(data.get("text/plain", ""))


def _as_pre(text: str) -> str:
    return f"<pre><code>{html.escape(text)}</code></pre>" if text else ""


def run(name: str, weights: Path) -> None:
    """Run a notebook in a folder with nothing but the weights, and keep what it gave."""
    import tempfile

    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        # Called so that the page does not show where they lie here.
        (Path(folder) / "models").symlink_to(weights)
        where = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=1800, kernel_name="python3", resources=where).execute()
    shown = {
        number: text
        for number, cell in enumerate(notebook.cells)
        if (text := "".join(_as_html(one) for one in cell.get("outputs", [])))
    }
    kept = {"code": code_hash(name), "outputs": shown}
    OUTPUTS.mkdir(exist_ok=True)
    text = json.dumps(kept, ensure_ascii=False, indent=1)
    (OUTPUTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    folder = Path(os.environ.get("XTRANSPLANT_TEST_REAL", "models")).resolve()
    os.environ["XTRANSPLANT_TEST_REAL"] = "models"
    for chosen in sys.argv[1:] or PAGES.values():
        run(chosen, folder)
