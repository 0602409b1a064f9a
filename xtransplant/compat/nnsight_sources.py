"""The source that nnsight keeps of each file it has traced in, and never reads again.

A file apart: it imports nothing of nnsight, so that a strategy is defined without waiting for it.
"""

from __future__ import annotations

import linecache
import sys

__all__ = ["forget_source"]


def forget_source(path: str) -> None:
    """Let nnsight read a file, or a notebook's cell, anew: it may say something else by now.

    Without it a gradient's block in a raw strategy would go on as it was first written.

    Args:
        path: as the code that is traced names its file.
    """
    kept = sys.modules.get("nnsight.tracing.globals")
    if kept is None:
        return
    linecache.checkcache(path)
    kept.SOURCES.pop(path, None)
    for site in [site for site in kept.BLOCKS if site[0] == path]:
        del kept.BLOCKS[site]
