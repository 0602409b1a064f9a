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
