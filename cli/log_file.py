"""``--log-file``: what a command says on stderr, with the time, in a file too."""

from __future__ import annotations

import logging
from pathlib import Path

from xtransplant.errors import XTransplantError
from xtransplant.style.escape import visible

__all__ = ["close_logs", "log", "log_to"]


class _LogFile(logging.FileHandler):
    """A file that a command's lines, and the library's warnings, are added to."""

    def format(self, record: logging.LogRecord) -> str:
        """The time, and the line."""
        return visible(super().format(record))


def log_to(path: Path | None) -> None:
    """Write all that is said from here on to the end of a file too; None for nowhere.

    Raises:
        XTransplantError: it cannot be written.
    """
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise XTransplantError(
            f"--log-file {str(path)!r} cannot be written: {error.strerror}; name another"
        ) from error
    found.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logging.getLogger("xtransplant").addHandler(found)


def log(line: str) -> None:
    """Write a line to the file, if there is one."""
    logger = logging.getLogger("xtransplant")
    for handler in _files():
        handler.handle(logger.makeRecord("xtp", logging.INFO, "", 0, line, (), None))


def close_logs() -> None:
    """Write to no file from here on."""
    for handler in _files():
        logging.getLogger("xtransplant").removeHandler(handler)
        handler.close()


def _files() -> list[_LogFile]:
    handlers = logging.getLogger("xtransplant").handlers
    return [handler for handler in handlers if isinstance(handler, _LogFile)]
