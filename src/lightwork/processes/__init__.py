"""What worker processes share with the one that they work for: the memory of arrays."""
