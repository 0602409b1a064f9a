"""What a command says while it works, and what it says beside that."""

from __future__ import annotations

_STAGES = ("xtp: loading ", "xtp: verifying ", "xtp: run ")


def without_stages(err: str) -> list[str]:
    """The lines of stderr but those that say what long work has come to.

    What is wrong may be found with a model only, and then a line says that it is loaded before.
    """
    return [line for line in err.splitlines() if not line.startswith(_STAGES)]
