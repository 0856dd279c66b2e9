"""Loops made of scalar C functions."""

from lightwork._core.loop cimport Loop

cdef Loop find_c_loop(object fn)
