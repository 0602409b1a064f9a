"""Where a trace runs: here, or on a server that speaks NDIF's protocol."""
