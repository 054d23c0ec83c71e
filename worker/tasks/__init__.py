"""The tasks, by what they are for."""
