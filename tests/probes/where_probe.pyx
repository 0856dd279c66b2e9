# distutils: language = c++
"""A ufunc's call under a mask, cut into chunks as a test has it."""

cimport numpy as cnp

from lightwork.arrays.application cimport map_ufunc

cnp.import_array()


def call(cnp.ufunc ufunc, *arrays, out, cnp.ndarray where, dtype=None, chunk_size=None, int workers=0):
    """What ``ufunc(*arrays, out=out, where=where, dtype=dtype)`` returns."""
    return map_ufunc(ufunc, ufunc, arrays, out, dtype, where, chunk_size or 0, workers)
