"""A grid of layer pairs: running it, its result, and how that looks."""
