"""A run on the hub: which files go, the card beside them, and sending them."""
