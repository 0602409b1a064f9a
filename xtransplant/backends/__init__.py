"""Backends: where traces run, and what can be asked there."""
