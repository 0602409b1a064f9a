"""The command line as a page of Markdown, made from the application itself.

python -m xtransplant.cli.docs > docs/cli.md
"""

from __future__ import annotations

from typing import Any

import typer
from typer.main import get_command

from xtransplant.cli.app import ALIASES, app

__all__ = ["page"]

_HEAD = """# The command line

Made by `python -m xtransplant.cli.docs > docs/cli.md`; a test holds it to the program.

Results go to stdout, progress and errors to stderr. An error is one line. Exit codes: 0 if all
went well; 1 for a fault of the program, a `--verify` that finds a difference, or a `check` that
fails; 2 for what the user can put right; 130 for Ctrl-C.

`python -m xtransplant` is the same command. `xtp --version` names the versions of what matters to
the numbers. `xtp --install-completion` has the shell complete verbs, flags and the names of
strategies, tasks, languages and configurations (`--show-completion` shows what it would install).

An option that is given once may stand in the environment, in capitals after `XTP_`:
`XTP_OUTPUT_PATH=/data/runs`, `XTP_DEVICE_MAP=cuda:0`, `XTP_QUIET=1`. A line on stderr names those
that act, and one each that is no option (`XTP_OUTPUTPATH`); the command line wins over them, and
they over `--config`. Options may be written with underscores, as `--output_path`.
"""


def page() -> str:
    """The whole page."""
    group: Any = get_command(app)
    with typer.Context(group, info_name="xtp") as context:
        names = group.list_commands(context)
        sections = [_section(name, group.get_command(context, name)) for name in names]
    return "\n".join([_HEAD, *sections])


def _section(name: str, command: Any) -> str:
    if name in ALIASES:
        return f"## `xtp {name}`\n\n{ALIASES[name]}\n"
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join(["xtp", name, *(p.name.upper() for p in arguments), "[OPTIONS]"])
    lines = [f"## `xtp {name}`", "", f"    {usage}", "", command.help.strip(), ""]
    lines += ["| option | meaning |", "|---|---|"]
    for parameter in [*arguments, *options]:
        lines.append(f"| {_names(parameter)} | {_meaning(parameter)} |")
    return "\n".join([*lines, ""])


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    names = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    if parameter.is_flag:
        return names
    return f"{names} {parameter.metavar or parameter.name.upper()}"


def _meaning(parameter: Any) -> str:
    text = parameter.help or ""
    if parameter.required:
        return f"{text} Required."
    flag = getattr(parameter, "is_flag", False)
    if flag or parameter.default is None or parameter.default == []:
        return text
    return f"{text} Default: `{parameter.default}`."


if __name__ == "__main__":
    print(page(), end="")
