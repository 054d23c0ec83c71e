"""What finds work that a message or a webhook did not."""
