"""What the site does to the documents: pages from the top of the repository, links between all.

The documents are written to be read where they lie, in a clone or on a forge. There a file is
called by its path from the top, `docs/bench.md`; here it is a page.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
# Files outside of docs/ that are pages, and what they are called there.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/babel/MODEL_CARD.md": "model-card.md",
}
# A link's address, from docs/ or from the top, or a path in code that is no link yet.
_LINK = re.compile(r"(?<=\]\()(?:\.\./)?([\w./-]+)(?=[#)])")
_CODE = re.compile(r"(?<![\[`])`((?:docs/)?[\w./-]+\.(?:md|ipynb))`(?![\]`])")
# Flags say where they are explained: (docs/models.md).
_SAID = re.compile(r"(?<=\s\()(docs/[\w-]+\.md)(?=\))")
# A link that is called as its file is.
_NAMED = re.compile(r"\[`?(?:docs/)?[\w./-]+\.md`?\]\(([\w./-]+)(#[\w-]*)?\)")
# Code in a line: its options and names with hyphens stay whole where they are not too long.
_INLINE = re.compile(r"<code>([^<]+)</code>")
_HYPHENED = re.compile(r"\S*-\S*")
_PICTURE = re.compile(r"<img [^>]*src=\"([\w./-]+)\"[^>]*/?>")
# Docstrings say what a name is, as Sphinx writes it: :class:`Grid`.
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):(?=<code>)")
# Lists of all there is, which a search should not find before the pages that explain it.
_LISTS = ("api.md", "cli.md", "changelog.md")
_NUMBERED = re.compile(r"\d\. ")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside of docs/."""
    for path, name in PAGES.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to pages and be called as these are, also paths such as `docs/bench.md`."""
    if page.file.src_uri in _LISTS:
        page.meta["search"] = {"boost": 0.3}

    def place(path: str) -> str:
        if path.startswith("notebooks/"):  # see notebook_pages.py
            return f"notebook-{Path(path).stem.replace('_', '-')}.md"
        return PAGES.get(path, path.removeprefix("docs/"))

    def linked(found: re.Match[str]) -> str:
        name = place(found[1])
        file = files.get_file_from_path(name)
        if file is None or name == page.file.src_uri:
            return found[0]
        anchor = found[2] or "" if found.re is _NAMED else ""
        return f"[{file.page.title if file.page else name}]({name}{anchor})"

    markdown = _LINK.sub(lambda found: place(found[1]), markdown)
    markdown = _SAID.sub(linked, markdown)
    return _widen(_CODE.sub(linked, _NAMED.sub(linked, markdown)))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Names in docstrings without the mark of their kind; pictures as links to themselves."""

    def whole(found: re.Match[str]) -> str:
        word = found[0]
        return f'<span class="whole">{word}</span>' if len(word) <= 32 else word

    html = _INLINE.sub(lambda found: f"<code>{_HYPHENED.sub(whole, found[1])}</code>", html)
    return _PICTURE.sub(r'<a class="picture" href="\1">\g<0></a>', _ROLE.sub("", html))


def _widen(markdown: str) -> str:
    """Numbered lists as Python-Markdown reads them: four columns in, empty lines between items."""
    lines: list[str] = []
    inside = in_code = False
    for line in markdown.split("\n"):
        in_code ^= line.startswith("```")
        if line and not line.startswith(" ") and not in_code:
            begins = bool(_NUMBERED.match(line))
            if inside and begins and lines[-1]:
                lines.append("")
            inside = begins
        lines.append(f" {line}" if inside and line.startswith("   ") else line)
    return "\n".join(lines)
