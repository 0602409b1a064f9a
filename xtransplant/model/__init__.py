"""Load a checkpoint, find its sites, and check them.

Import from the files: ``families`` (the table, light) and ``load`` (needs torch).
"""
