"""The engine: what a grid is made of, compiled to plain data, run in traces, and its verbs."""
