"""Media: what a model returned, made permanent in a bucket."""
