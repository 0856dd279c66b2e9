"""What other people's Cython code may use: ``from lightwork cimport parallel_for, Body``."""

from lightwork._core.job cimport Body
from lightwork._core.parallel cimport parallel_for
