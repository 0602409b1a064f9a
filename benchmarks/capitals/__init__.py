"""Capitals, the bundled task in real languages."""
