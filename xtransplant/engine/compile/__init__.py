"""Edits and layouts, compiled to plain data that a trace can take with it."""
