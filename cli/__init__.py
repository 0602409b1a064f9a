"""The command line, ``xtp``: one file per verb, no logic."""

from xtransplant.cli.app import main

__all__ = ["main"]
