"""Celery in: decode, call the core, send what follows."""
