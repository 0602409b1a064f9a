"""The README says what is so: its commands parse, its code runs, its figures have no blanks."""

import re
from pathlib import Path

import xtransplant
from xtransplant import Grid, find_strategy, load, transplant
from xtransplant.benchmarks.babel import CHECKPOINT, babel
from xtransplant.strategies.describe import describe
from xtransplant.testing import with_fit

README = Path(xtransplant.__file__).resolve().parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language, text=TEXT):
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_two_commands_are_where_ci_reads_them():
    for name in ("install", "test"):
        assert re.search(rf"<!-- command:{name} -->\n```sh\n.+\n```\n<!-- end -->", TEXT)


def test_the_notebook_lines_run(tmp_path, monkeypatch):
    (code,) = [block for block in blocks("python") if "import xtransplant" in block]
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    assert isinstance(names["grid"], Grid)
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")


def test_the_first_strategy_records(tmp_path):
    (code,) = [block for block in blocks("python") if "@strategy" in block]
    path = tmp_path / "add_half.py"
    path.write_text(code)
    from xtransplant.strategies import Shape

    (edit,) = find_strategy(str(path)).edits(Shape(4, 4), 1, 2)
    assert str(edit) == "target.ffn[j] = target.ffn[j] + 0.5 * source.ffn[i]"


def test_the_strategies_of_the_guide_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    guide = (README.parent / "docs" / "strategies.md").read_text(encoding="utf-8")
    code = blocks("python", guide)
    model, example = load(CHECKPOINT), babel.examples("sw", "en-to-lang", "pilot")[0]
    files = [text for text in code if text.startswith('"""')]
    (steered,) = [text for text in code if text.startswith("steered =")]
    files.append(
        "from xtransplant import strategy\n\n\n"
        '@strategy("steered")\ndef steered(source, target, i, j):\n'
        + "".join(f"    {line}\n" for line in steered.splitlines())
    )
    assert len(files) == 4
    for number, text in enumerate(files):
        path = tmp_path / f"mine_{number}.py"
        path.write_text(text)
        chosen = find_strategy(str(path))
        if chosen.is_fitted:
            assert describe(str(path))["records"]
            chosen = with_fit(str(path), tmp_path / f"fit_{number}", model, limit=2)
        grid = transplant(model, example, chosen, source_layers=[5], target_layers=[0])
        assert abs(grid.scores.logprobs - grid.scores.vanilla).max() > 1e-3
    for text in code:
        if text.startswith("from xtransplant import find_strategy"):
            exec(text, {"model": model, "example": example})
    assert (tmp_path / "weight.png").stat().st_size > 1000


def test_no_figure_is_left_blank():
    assert not re.search(r"\b(SHOWN_GRID|BABEL_TABLE|WORST|RATIO)\b", TEXT)
