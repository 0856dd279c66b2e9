"""What a program computes, reduced as it comes."""

cimport numpy as cnp

from lightwork._core.loop cimport Loop
from lightwork._core.run cimport Run

cdef cnp.ndarray harvest(Run run, list operands, Loop reduction, bint is_sum, Py_ssize_t n_items, int n_workers, int* flags)
cdef bint is_harvestable(Run run, list operands, Py_ssize_t n_items)
