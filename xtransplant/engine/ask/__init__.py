"""What is asked of the engine, as token ids and variants, and what it costs."""
