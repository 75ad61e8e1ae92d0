"""What the sandboxes of several kinds stand on: a loop in a thread, a folder of their own, and HTTP that may misbehave."""
