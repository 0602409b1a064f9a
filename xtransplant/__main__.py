"""``python -m xtransplant``: the same as ``xtp``."""

from xtransplant.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
