"""The peers: the same pipeline, written by hand without a product."""
