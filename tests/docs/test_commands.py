"""Every command in the documents is one of the program's: its verb, flags, strategies and tasks.

They are parsed, not run: the tutorial's output is as it was seen, and what a verb does is tested
where the verb is.
"""

import re
import shlex

import pytest
from pages import PAGES, ROOT, commands
from typer.main import get_command

from xtransplant.cli.app import app
from xtransplant.strategies import find_strategy, split_names, strategy_names
from xtransplant.tasks.task import find_task

# Not held, and why.
NOT_A_PAGE_OF_COMMANDS = {
    "cli.md": "made from the program, with [OPTIONS] for all of them; tests/cli/test_verbs.py",
    "CHANGELOG.md": "says what commands were called when they came",
}
WRITTEN_BY_THE_READER = {
    "NAME": "stands for any",
    "my-strategy": "CONTRIBUTING.md has it written",
    "global-mmlu": "docs/own-task.md has it written; tests/tasks/test_make.py makes it",
}
CONFIG = "mine.yaml"  # of docs/cluster.md: any
VERBS = get_command(app)


def held(text, whole):
    """Parse one command; raises what the command line would say of it."""
    words = [word for word in shlex.split(text, comments=True) if word != "&"]
    with VERBS.make_context("xtp", words[1:2]) as outer:
        name, verb, _ = VERBS.resolve_command(outer, words[1:2])
    if not whole:
        known = {flag for option in verb.params for flag in (*option.opts, *option.secondary_opts)}
        unknown = {word for word in words[2:] if re.match(r"--?[a-z]", word)} - known
        assert not unknown, unknown
        return
    with verb.make_context(name, words[2:]) as context:
        for value in given(context.params, "strategy"):
            for one in split_names(value):
                check_strategy_is_there(one)
        for value in given(context.params, "task"):
            for one in value.split(","):
                if one not in WRITTEN_BY_THE_READER:
                    find_task(one)


def refusal(text, whole):
    """What the command line would say against it; empty if nothing."""
    try:
        held(text, whole)
    except Exception as error:  # its own kind, of a library inside typer
        return getattr(error, "message", "") or repr(error)
    return ""


def given(params, name):
    value = params.get(name) or ()
    return (value,) if isinstance(value, str) else value


def check_strategy_is_there(name):
    parts = [part.strip() for part in re.sub(r"\(.*?\)", "", name).split("+")]
    of_readers = [part.endswith(".py") or part in WRITTEN_BY_THE_READER for part in parts]
    if any(of_readers) or "fit=" in name:
        names = [part for part, own in zip(parts, of_readers, strict=True) if not own]
        assert set(names) <= set(strategy_names()), name
    else:
        find_strategy(name)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in NOT_A_PAGE_OF_COMMANDS],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_command_is_the_program_s(page, tmp_path, monkeypatch):
    (tmp_path / CONFIG).write_text("task: babel\nstrategy: attn-swap\n")
    monkeypatch.chdir(tmp_path)
    for text, whole in commands(page):
        assert refusal(text, whole) == "", text


def test_they_are_found():
    assert sum(1 for page in PAGES for _ in commands(page)) > 150


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("xtp bench --no-such-flag", True),
        ("xtp trace --limit 3", False),
        ("xtp no-such-verb", False),
        ("xtp bench --task babel --jobs many", True),
        ("xtp trace --strategy attn-swop", True),
        ("xtp trace --strategy 'blend(wait=1)'", True),
        ("xtp bench --task babble --strategy attn-swap", True),
        ("xtp bench --config no-such --task babel", True),
    ],
)
def test_what_the_program_would_refuse_is_seen(text, whole):
    assert refusal(text, whole)


def test_commands_are_read_out_of_blocks_and_lines(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("`xtp runs` and\n\n    A_B=c xtp list tasks \\\n        --json\n    xtp: no\n")
    assert list(commands(page)) == [("xtp runs", False), ("xtp list tasks  --json", True)]
