"""Runs in the formats of neighbouring tools: lm-evaluation-harness' and inspect's."""
