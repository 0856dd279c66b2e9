"""Workers that are processes: each an executor of one, of which nothing but its own item is lost when it dies."""
