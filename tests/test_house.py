"""The house rules that a machine can check."""

import ast
import subprocess
import sys
from pathlib import Path

import xtransplant

ROOT = Path(xtransplant.__file__).parent

# From the bottom up; a file imports its own row and those before it.
FLOORS = (
    "errors", "text", "prompts", "tasks", "model", "strategies", "packing", "backends", "engine",
    "runs", "stats", "report", "result", "grid", "benchmarks", "options", "bench",
)  # fmt: skip


def floor(module):
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else ""
    return FLOORS.index(name) if name in FLOORS else None


def imports(path):
    tree = ast.parse(path.read_text())
    # What only type checkers read does not tie files together.
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xtransplant."):
            yield node.module
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("xtransplant."))


def test_imports_run_one_way():
    checked = 0
    for path in sorted(ROOT.rglob("*.py")):
        here = ".".join(("xtransplant", *path.relative_to(ROOT).with_suffix("").parts))
        level = floor(here)
        if level is None:
            continue
        for module in imports(path):
            assert floor(module) is not None, f"{here} imports {module}"
            # Grid's own methods reach up into the report on purpose, when they are called.
            assert floor(module) <= level, f"{here} imports {module}"
            checked += 1
    assert checked > 40


def test_no_file_is_two_things():
    folders = [ROOT, *(ROOT.parent / name for name in ("interventions", "benchmarks", "cli"))]
    for folder in folders:
        for path in folder.rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, path


def test_the_public_names_are_few_and_exist():
    assert len(xtransplant.__all__) <= 15
    for name in xtransplant.__all__:
        assert getattr(xtransplant, name) is not None


def test_importing_the_command_line_does_not_import_torch():
    heavy = "{'torch', 'transformers', 'nnsight', 'matplotlib', 'pandas'}"
    code = f"import sys, xtransplant.cli.app; sys.exit(len({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
