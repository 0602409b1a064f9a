"""The only place that opens a trace."""
