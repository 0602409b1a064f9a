"""Benches: a model, tasks, languages and strategies, run to records on disk."""
