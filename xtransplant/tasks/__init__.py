"""Tasks: what one is, how its examples are read and checked, what answers are judged by."""
