"""What notebooks show of results: safe text, tables of cells by colour, in light and in dark.

A notebook's own colours stand wherever nothing is said by colour. Dark is what the system prefers,
or what the notebook is set to where it says so (JupyterLab, VS Code).
"""

from __future__ import annotations

import html

from xtransplant.style.escape import short, visible
from xtransplant.style.matrix import BETTER, WORSE

__all__ = ["boxed", "html_quoted", "html_text", "step_class"]

# On a dark background weak colours are dark ones, with the text that reads best on each.
_DARK_WORSE = (("#2f2a45", "#fff"), ("#4b3f77", "#fff"), ("#7565ab", "#fff"), ("#b2abd2", "#000"))
_DARK_BETTER = (("#4a3419", "#fff"), ("#74490f", "#fff"), ("#b86d0d", "#000"), ("#fdb863", "#000"))
_LIGHT = ("#000", "#000", "#000", "#fff")  # of the text, by step


def _rules(root: str, worse: list[tuple[str, str]], better: list[tuple[str, str]]) -> str:
    colours = {**dict(enumerate(better, 1)), **{-k: one for k, one in enumerate(worse, 1)}}
    return "".join(
        f"{root} .{step_class(step)}{{background:{back};color:{front}}}"
        for step, (back, front) in colours.items()
    )


def step_class(step: int) -> str:
    """The class of a cell whose colour is so strong, see :func:`style.matrix.step_of`."""
    return f"{'b' if step > 0 else 'w'}{abs(step)}" if step else ""


_FRAME = """
.xtp{font-size:13px;line-height:1.45;max-width:100%;overflow-x:auto}
.xtp p,.xtp ul{margin:.3em 0}
.xtp ul{padding-left:1.4em}
.xtp summary{cursor:pointer;margin:.4em 0;font-weight:bold}
.xtp .about,.xtp .aside{opacity:.75}
.xtp .prompt{white-space:pre-wrap;border-inline-start:3px solid #8888;padding-inline:.6em;
  max-width:60em;max-height:12em;overflow-y:auto}
.xtp .key span{padding:0 .45em;border:1px solid #8884}
.xtp table.xtp-t{border-collapse:collapse;margin:.5em 0;width:auto;
  font-variant-numeric:tabular-nums}
.xtp table.xtp-t caption{text-align:start;caption-side:top;color:inherit;padding:.2em 0;
  white-space:nowrap}
.xtp table.xtp-t tr{background:none}
.xtp table.xtp-t th,.xtp table.xtp-t td{padding:.12em .45em;border:1px solid #8883;text-align:right;
  white-space:nowrap;line-height:1.35;min-width:.8em}
.xtp table.xtp-t th{font-weight:normal;opacity:.75}
.xtp table.xtp-t th.l{text-align:left}
.xtp table.xtp-t tr.aside th,.xtp table.xtp-t tr.aside td{opacity:.7}
.xtp table.xtp-t td.best{outline:2px solid currentColor;outline-offset:-2px;font-weight:bold}
"""
_DARK = "body:not([data-jp-theme-light=true]):not(.vscode-light) .xtp"
_STYLE = (
    _FRAME
    + _rules(".xtp", list(zip(WORSE, _LIGHT, strict=True)), list(zip(BETTER, _LIGHT, strict=True)))
    + f"\n@media (prefers-color-scheme:dark){{{_rules(_DARK, [*_DARK_WORSE], [*_DARK_BETTER])}}}\n"
    + _rules("body[data-jp-theme-light=false] .xtp", [*_DARK_WORSE], [*_DARK_BETTER])
    + _rules("body.vscode-dark .xtp", [*_DARK_WORSE], [*_DARK_BETTER])
)


def boxed(*parts: str) -> str:
    """Parts, each HTML, with the style that they need."""
    return f'<div class="xtp"><style>{_STYLE}</style>{"".join(parts)}</div>'


def html_text(text: str, *, keep_lines: bool = False) -> str:
    """HTML that shows a text: no markup in it, no character that acts or hides."""
    return html.escape(visible(text, keep_lines=keep_lines))


def html_quoted(text: str, width: int = 200) -> str:
    """Text in quotation marks, in its own direction, cut to ``width`` characters."""
    return f"“<bdi>{html.escape(short(text, width))}</bdi>”"
