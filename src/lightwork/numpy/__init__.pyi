# To a type checker it is NumPy.
from numpy import *  # noqa: F403
