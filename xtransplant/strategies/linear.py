"""Linear maps of rows: what a fitted matrix does to activations inside a trace.

A trace that runs elsewhere carries these functions by their source: they use their arguments alone.
"""

from __future__ import annotations

from typing import Any

__all__ = ["map_rows", "project_rows"]


def map_rows(rows: Any, matrix: Any) -> Any:
    """``matrix @ row`` of each row: ``[n, width]`` of ``[n, width]`` and ``[width, width]``."""
    return rows @ matrix.to(rows).T


def project_rows(rows: Any, basis: Any) -> Any:
    """Each row's projection on the span of orthonormal vectors, ``[k, width]``: ``B' B row``."""
    vectors = basis.to(rows)
    return rows @ vectors.T @ vectors
