"""A server that speaks NDIF's protocol."""
