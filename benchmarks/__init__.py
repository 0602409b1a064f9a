"""Tasks: where examples come from. One file or folder per task."""
