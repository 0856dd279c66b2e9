"""Where items are run: in the calling thread, on threads of our own, or by somebody else's executor."""
