"""Built-in strategies, one file each; they come in by the door that plug-ins use."""
