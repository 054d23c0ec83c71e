"""Real media: made once for each look and size, then given to many predictions."""
