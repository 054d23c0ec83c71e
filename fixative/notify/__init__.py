"""Telling the owners' own services what became of their jobs, by signed webhooks."""
