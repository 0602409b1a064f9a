"""Benches: a model, tasks, languages and strategies, run to records on disk.

Flags are parsed and checked (``flags``, ``parse``, ``unused``), planned (``plan``), opened as a run
(``opening``), computed part by part (``execute``, ``compute``) and judged (``judge``). The same for
a single grid, which is printed and not stored: ``trace_config``, ``trace``.
"""
