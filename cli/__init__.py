"""The command line, ``xtp``: one file per verb, no logic."""

__all__ = ["main"]


def main() -> None:
    """Run ``xtp`` with the arguments of this process, and end it."""
    # Nothing else is imported before this, so that Ctrl-C in the imports is one line too.
    import os
    import signal

    def interrupted(*_: object) -> None:
        os.write(2, b"xtp: interrupted\n")
        os._exit(130)

    signal.signal(signal.SIGINT, interrupted)
    from xtransplant.cli.app import main as run

    run()
