"""Loops that move items and compute nothing, for what NumPy has functions but no ufuncs."""

from lightwork._core.loop cimport Loop

cdef Loop copy_loop(object dtype)
cdef Loop select_loop(object dtype)
cdef Loop part_loop(object dtype, bint is_imaginary)
