"""Private API of nnsight and transformers, one file each."""
