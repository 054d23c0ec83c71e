"""The models that are known: what they take, what they cost, how long they run."""
