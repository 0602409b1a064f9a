"""What a task's answers are judged by. Nothing here needs a model."""
