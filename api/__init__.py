"""HTTP in: parse, call the core, answer."""
