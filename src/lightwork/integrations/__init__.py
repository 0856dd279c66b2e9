"""lightwork in the place of other libraries' threads: a module for each, which imports that library."""
