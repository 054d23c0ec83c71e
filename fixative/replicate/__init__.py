"""Replicate as we see it: the client, its answers, its pace."""
