"""What lightwork costs and gains, beside NumPy and its peers. One question per file, every answer a ratio."""
