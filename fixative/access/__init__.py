"""Owners, and who may come in for them: by keys or tokens, and how often."""
