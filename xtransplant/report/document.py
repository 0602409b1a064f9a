"""A report on runs: tables in every format asked for, figures, and one page with all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xtransplant.errors import XTransplantError
from xtransplant.report.data import to_csv, to_lm_eval
from xtransplant.report.formats import FORMATS, to_markdown, to_terminal
from xtransplant.report.latex import to_latex
from xtransplant.report.summary import Summary, summarise
from xtransplant.report.tables import Table, make_tables
from xtransplant.runs.check import check_intact
from xtransplant.runs.store import open_run
from xtransplant.text import nearest

__all__ = ["Report", "Room", "read_summaries", "write_report"]


@dataclass(frozen=True)
class Room:
    """How wide a table may be, and whether there is one that takes longer.

    Attributes:
        width: of the terminal, in columns.
        columns: of numbers in LaTeX; None: as many as there are.
        languages: in which languages texts are is told too.
    """

    width: int = 120
    columns: int | None = None
    languages: bool = False


# Formats by what makes them.
_OF_COUNTS: dict[str, Callable[[Sequence[Summary]], str]] = {"csv": to_csv, "json": to_lm_eval}
_OF_TABLES: dict[str, Callable[[Sequence[Table], Room], Any]] = {
    "terminal": lambda tables, room: to_terminal(tables, room.width),
    "markdown": lambda tables, _: to_markdown(tables),
    "latex": lambda tables, room: to_latex(tables, room.columns),
}


@dataclass(frozen=True)
class Report:
    """What :func:`write_report` made.

    Attributes:
        texts: to be printed, each a text or something that rich prints; empty where all of it was
            written to files.
        written: the files.
    """

    texts: list[Any]
    written: list[Path]


def write_report(
    paths: Sequence[str | Path],
    *,
    formats: Sequence[str] = (),
    figures: Sequence[str] = (),
    output: Path | None = None,
    page: Path | None = None,
    level: str = "match",
    room: Room = Room(),
) -> Report:
    """Tables and figures of runs.

    Args:
        paths: folders of runs.
        formats: of :data:`FORMATS`; ``terminal`` if none. Written to files where there is an
            output folder, else only one makes sense.
        figures: ``png``, ``svg`` or ``pdf``.
        output: a folder, made if it is missing.
        page: a file for all of it as one page of HTML; its folder is made if it is missing.
        level: ``strict``, ``match`` or ``lenient``.
        room: how wide tables may be, and whether languages are told.

    Raises:
        XTransplantError: no such format, no run there, nothing stored in it, a damaged part, or a
            folder that cannot be written.
    """
    _check_formats(formats)
    if output is None and (figures or len(formats) > 1):
        what = "--figures" if figures else "several --format"
        raise XTransplantError(f"{what} write files: say where, with --output FOLDER")
    if output is not None and not output.exists():
        _check_folder(output)
    summaries = read_summaries(paths)
    summaries = _with_languages(summaries) if room.languages else summaries
    # To a folder of files, or beside a page, the terminal's format goes only if it was named.
    wanted = list(dict.fromkeys(formats)) or ([] if figures or page else ["terminal"])
    written = [] if page is None else [_write_page(summaries, page, level)]
    if output is None:
        return Report([_text(name, summaries, level, room) for name in wanted], written)
    try:
        output.mkdir(parents=True, exist_ok=True)
        drawn: list[Path] = []
        if figures:
            from xtransplant.report.figures import save_figures

            drawn = save_figures(summaries, output, [f".{one}" for one in figures], level)
        for name in wanted:
            path = output / f"report.{FORMATS[name]}"
            text = _text(name, summaries, level, room)
            shown = text if isinstance(text, str) else _plain(text, room.width)
            path.write_text(shown + _linked(drawn) if name == "markdown" else shown, "utf-8")
            written.append(path)
        written += drawn
    except OSError as error:
        raise XTransplantError(f"cannot write to {str(output)!r}: {error.strerror}") from error
    return Report([], written)


def _check_formats(formats: Sequence[str]) -> None:
    """Refuse what is no format of tables.

    Raises:
        XTransplantError: says which there are, or what the page is asked by.
    """
    for name in formats:
        if name.lower() in ("html", "htm"):
            raise XTransplantError(
                f"--format {name}: the page of HTML is one file with all of it; try --html FILE, "
                "such as --html report.html"
            )
        if name not in FORMATS:
            raise XTransplantError(
                f"--format {name!r:.60} is none{nearest(name, FORMATS)}; the formats are "
                f"{', '.join(FORMATS)}, and a page of HTML is --html FILE"
            )


def _check_folder(output: Path) -> None:
    """Refuse a file's name for the folder that files are written to.

    Raises:
        XTransplantError: it ends as files of a report do.
    """
    suffix = output.suffix.lower().removeprefix(".")
    named = {ending: name for name, ending in FORMATS.items()}
    instead = f"--output {output.with_suffix('')}"
    if suffix in ("html", "htm"):
        instead = f"--html {output}"
    elif suffix in named:
        instead += f" --format {named[suffix]}"
    elif suffix in ("png", "svg", "pdf"):
        instead += f" --figures {suffix}"
    else:
        return
    raise XTransplantError(f"--output {str(output)!r} is to be a folder; try {instead}")


def _write_page(summaries: Sequence[Summary], page: Path, level: str) -> Path:
    from xtransplant.report.page.render import to_html

    text = to_html(summaries, level)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, "utf-8")
    except OSError as error:
        raise XTransplantError(f"cannot write {str(page)!r}: {error.strerror}") from error
    return page


def _with_languages(summaries: Sequence[Summary]) -> list[Summary]:
    from xtransplant.report.spoken import with_languages

    return [with_languages(one) for one in summaries]


def read_summaries(paths: Sequence[str | Path]) -> list[Summary]:
    """Runs counted, each once; where folders have the same name, the whole path is the name.

    Raises:
        XTransplantError: no run there, nothing stored in it, or a damaged part.
    """
    own = {Path(one).resolve(): Path(one) for one in paths}.values()
    summaries = [summarise(check_intact(open_run(path))) for path in own]
    empty = [one.name for one in summaries if not any(t.languages for t in one.tasks.values())]
    if empty:
        raise XTransplantError(
            f"run {empty[0]} holds no records yet; run its xtp bench command first"
        )
    counts = Counter(one.name for one in summaries)
    return [
        replace(one, name=str(one.path.resolve())) if counts[one.name] > 1 else one
        for one in summaries
    ]


def _text(name: str, summaries: Sequence[Summary], level: str, room: Room) -> Any:
    if name in _OF_COUNTS:
        return _OF_COUNTS[name](summaries)
    return _OF_TABLES[name](make_tables(summaries, level), room)


def _linked(figures: Sequence[Path]) -> str:
    """Markdown that shows each figure once, as a page can: a PDF as a link."""
    shown = {one.stem: one for one in sorted(figures, key=lambda one: one.suffix != ".pdf")}
    return "".join(
        f"\n{'' if one.suffix == '.pdf' else '!'}[{one.stem}]({one.name})\n"
        for one in shown.values()
    )


def _plain(shown: Any, width: int) -> str:
    from io import StringIO

    from rich.console import Console

    text = StringIO()
    Console(file=text, width=width, color_system=None).print(shown)
    return text.getvalue()
