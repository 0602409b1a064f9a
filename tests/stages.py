"""What a command says while it works, and what it says beside that."""

from __future__ import annotations

import re

# A pilot's are numbered: an error may begin with a run too.
_STAGES = re.compile(r"xtp: (loading |verifying |run \d of )")


def without_stages(err: str) -> list[str]:
    """The lines of stderr but those that say what long work has come to.

    What is wrong may be found with a model only, and then a line says that it is loaded before.
    """
    return [line for line in err.splitlines() if not _STAGES.match(line)]
