"""The house rules that a machine can check (which way imports run: import-linter, .ci/imports)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import xtransplant

ROOT = Path(xtransplant.__file__).parent
MOST_LINES, MOST_IN_A_FUNCTION = 300, 60
# A verb's flags are its arguments, one a line.
VERBS = ("bench", "pilot", "trace")


def sources():
    roots = [ROOT, *(Path(package).parent for package in _mapped())]
    return sorted({path for root in roots for path in root.rglob("*.py")})


def _mapped():
    import xtransplant.benchmarks
    import xtransplant.cli
    import xtransplant.interventions

    packages = xtransplant.benchmarks, xtransplant.cli, xtransplant.interventions
    return [package.__file__ for package in packages]


def files_of_tests():
    return sorted(Path(__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("found", [sources, files_of_tests], ids=["code", "tests"])
def test_no_file_is_two_things(found):
    paths = found()
    assert len(paths) > 50
    long = {str(path): len(path.read_text().splitlines()) for path in paths}
    assert not {path: lines for path, lines in long.items() if lines > MOST_LINES}


def test_functions_are_short():
    long = []
    for path in [*sources(), *files_of_tests()]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if path.parent.name == "cli" and node.name in VERBS:
                continue
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > MOST_IN_A_FUNCTION:
                long.append(f"{path}:{node.lineno} {node.name}: {lines} lines")
    assert not long, "\n".join(long)


def test_the_public_names_are_few_and_exist():
    assert len(xtransplant.__all__) <= 15
    for name in xtransplant.__all__:
        assert getattr(xtransplant, name) is not None


def test_importing_the_command_line_does_not_import_torch():
    heavy = "{'torch', 'transformers', 'nnsight', 'matplotlib', 'pandas', 'scipy'}"
    code = f"import sys, xtransplant.cli.app; sys.exit(len({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_comprehension_in_a_session_takes_a_name_of_its_block():
    """On Python 3.12 nnsight 0.8.1 gives such a block stale values from its third trace on."""
    blocks = [
        (path, node)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.With) and ".session(" in ast.unparse(node.items[0])
    ]
    assert len(blocks) > 3
    for path, block in blocks:
        for each in ast.walk(block):
            if not isinstance(each, ast.ListComp | ast.SetComp | ast.DictComp):
                continue
            inside = set(ast.walk(each))
            names = {n.id for g in each.generators for n in _names(g.target)}
            other = {n.id for n in _names(block) if n not in inside}
            assert not names & other, f"{path}:{each.lineno} {names & other}"


def _names(node):
    return [each for each in ast.walk(node) if isinstance(each, ast.Name)]
