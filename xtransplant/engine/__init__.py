"""Score, generate, capture and verify, on traces of a model."""
