"""The HTTP side: each module answers for one resource and keeps no state."""
