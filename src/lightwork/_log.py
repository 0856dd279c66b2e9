"""Where the package tells what it does, for those who listen: the logger ``lightwork``, silent unless somebody wants to hear of it."""

import logging

__all__ = ["LOGGER"]

LOGGER = logging.getLogger("lightwork")
LOGGER.addHandler(logging.NullHandler())
