"""What packages, releases and receives this repository says the same as what it is made of."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import xtransplant

ROOT = Path(xtransplant.__file__).resolve().parent.parent
if not (ROOT / ".git").exists():
    pytest.skip("the tests run outside of a checkout", allow_module_level=True)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = (line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
PINNED = {canonicalize_name(name): version for name, version in PINS}
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
# Where conda-forge has a package under another name than the package index.
ON_CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def read(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def jobs(path):
    return read(path)["jobs"].values()


def test_constraints_pin_what_is_depended_on():
    extras = PROJECT["optional-dependencies"].values()
    for text in [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]:
        needed = Requirement(text)
        assert needed.specifier.contains(PINNED[canonicalize_name(needed.name)]), text


def test_the_recipe_depends_on_the_same():
    recipe = read("recipe/recipe.yaml")
    python, *run = recipe["requirements"]["run"]
    lowest = recipe["context"]["python_min"]
    assert python == "python >=${{ python_min }},<3.14"
    assert PROJECT["requires-python"] == f">={lowest},<3.14"
    needed = [Requirement(text) for text in PROJECT["dependencies"]]
    assert {name: Requirement(f"x{spec}").specifier for name, spec in map(str.split, run)} == {
        ON_CONDA.get(each.name, each.name): each.specifier for each in needed
    }
    (entry,) = PROJECT["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [" = ".join(entry)]
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["about"]["license_file"] == PROJECT["license-files"]


def test_the_version_is_one():
    version = PROJECT["version"]
    assert xtransplant.__version__ == version
    assert read("recipe/recipe.yaml")["context"]["version"] == version
    assert str(read("CITATION.cff")["version"]) == version


def test_the_image_has_the_tested_releases_and_no_root():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", "", text).splitlines()
    said = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    (run,) = [what for verb, what in said if verb == "RUN"]
    assert re.search(r'pip install .*-c /src/constraints\.txt "/src\[\S+\]"', run)
    (extras,) = re.findall(r"/src\[(\S+)\]", run)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    verbs = [verb for verb, _ in said]
    assert verbs.index("USER") < verbs.index("ENTRYPOINT")
    assert ["USER", "1000"] in said
    assert ["ENTRYPOINT", '["xtp"]'] in said


def test_nothing_is_sent_to_the_image_but_what_the_wheel_is_made_of():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    packages = {"xtransplant", "interventions", "benchmarks", "cli"}
    files = {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    assert {rule[1:] for rule in rules if rule.startswith("!")} == packages | files


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_pinned_and_hold_no_secret(path):
    text = path.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert set(read(path).get("permissions", {"all": "write"}).values()) <= {"read"}
    for job in jobs(path):
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert "run" in step or re.fullmatch(r"[\w/-]+@v\d+\.\d+\.\d+", step["uses"]), step
            # What an event brings, a title or a branch, is never part of a command.
            assert "${{" not in step.get("run", "")


def test_ci_runs_what_is_run_here():
    commands = [step["run"] for job in jobs(".github/workflows/ci.yml") for step in job["steps"]
                if "run" in step]  # fmt: skip
    assert {".ci/run", ".ci/lowest"} <= set(commands)
    pythons = read(".github/workflows/ci.yml")["jobs"]["pythons"]["strategy"]["matrix"]["python"]
    classifiers = [text.rsplit(" ", 1)[1] for text in PROJECT["classifiers"] if "Python ::" in text]
    assert {"3.11", *pythons} == set(classifiers)


def test_only_publishing_has_an_identity():
    build, publish = jobs(".github/workflows/release.yml")
    assert build["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "build"
    assert publish["environment"]["name"] == "pypi"
    # What is published is what was built and tried: nothing is checked out or installed there.
    used = [step["uses"].partition("@")[0] for step in publish["steps"]]
    assert used == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    said = " ".join(step.get("run", "") for step in build["steps"])
    assert "twine check --strict" in said
    assert 'xtp --version | grep -x "xtp ${GITHUB_REF_NAME#v}"' in said


def test_commits_are_held_to_the_same_ruff():
    (local,) = read(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    hooks = {hook["id"]: hook for hook in local["hooks"]}
    for name in ("ruff", "ruff-format"):
        assert hooks[name]["additional_dependencies"] == [f"ruff=={PINNED['ruff']}"]
    asked = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "ruff check ." in asked
    assert "ruff format --check ." in asked


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_forms_can_be_filled_in(path):
    form = read(path)
    if path.name == "config.yml":
        assert form == {"blank_issues_enabled": True}
        return
    assert form["name"]
    assert form["description"]
    fields = form["body"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)
    # Which versions, or which model: without it nobody can look.
    assert re.search(r"xtp (--version|doctor)", path.read_text(encoding="utf-8"))
