"""Fixative makes every Replicate prediction permanent."""
