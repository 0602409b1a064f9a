"""Timings, as ratios measured in one run; no test asserts them."""
