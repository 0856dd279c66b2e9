"""What an elementwise function is given: exact arrays and Python numbers, where to write, and the shape that they have together."""

import numpy as np

cimport numpy as cnp

from lightwork._core.loop cimport npy_intp

cnp.import_array()

cdef enum:
    MAX_DIMENSIONS = 64

cdef object memmap_type = np.memmap
cdef object scalar_type = np.generic
cdef object as_array = np.asarray


cdef cnp.ndarray plain_array(object operand):
    """An exact array of the same memory; None where NumPy has to see the operand itself."""
    if cnp.PyArray_CheckExact(operand):
        return operand
    if type(operand) is memmap_type:
        return operand.view(cnp.ndarray)
    if isinstance(operand, (scalar_type, bool)) or type(operand) in (list, tuple):
        try:
            return as_array(operand)
        except (TypeError, ValueError):
            return None
    return None


cdef list plain_operands(tuple arrays):
    """Exact arrays and Python numbers, which stay what they are because they are weak in promotion; None if there is anything else."""
    cdef list operands = []
    for operand in arrays:
        if not cnp.PyArray_CheckExact(operand) and not is_number(operand):
            operand = plain_array(operand)
            if operand is None:
                return None
        operands.append(operand)
    return operands


cdef inline bint is_number(object operand):
    return type(operand) is float or type(operand) is int or type(operand) is complex


cdef list plain_outputs(object out, int nout):
    """An exact array or None for each output; None if `out` is anything else."""
    cdef list outputs = []
    if out is None:
        return [None] * nout
    if cnp.PyArray_CheckExact(out) and nout == 1:
        return [out]
    for output in out if isinstance(out, tuple) else (out,):
        if output is not None:
            output = plain_array(output) if isinstance(output, cnp.ndarray) else None
            if output is None:
                return None
        outputs.append(output)
    return outputs if len(outputs) == nout else None


cdef Py_ssize_t broadcast_size(list operands, list outputs):
    """Items of the result; -1 if the shapes do not fit, which is NumPy's to say."""
    cdef npy_intp shape[MAX_DIMENSIONS]
    cdef int i, n_dimensions = 0
    cdef Py_ssize_t size = 1
    for operand in operands:
        if isinstance(operand, cnp.ndarray) and not fit_shape(shape, &n_dimensions, operand):
            return -1
    for output in outputs:
        if output is not None and not fit_shape(shape, &n_dimensions, output):
            return -1
    for i in range(n_dimensions):
        size *= shape[i]
    return size


cdef bint fit_shape(npy_intp* shape, int* n_dimensions, cnp.ndarray array):
    """Broadcast one more array into `shape`, whose axes are counted from the last."""
    cdef int i
    cdef npy_intp length
    for i in range(array.ndim):
        length = array.shape[array.ndim - 1 - i]
        if i >= n_dimensions[0]:
            shape[i] = length
            n_dimensions[0] = i + 1
        elif shape[i] == 1:
            shape[i] = length
        elif length != 1 and length != shape[i]:
            return False
    return True


cdef object pack(list filled, object out):
    """What NumPy returns: one array or a tuple, the caller's own where given."""
    if cnp.PyArray_CheckExact(out):
        return out
    if out is not None:
        given = out if isinstance(out, tuple) else (out,)
        filled = [mine if theirs is None else theirs for mine, theirs in zip(filled, given)]
    return filled[0] if len(filled) == 1 else tuple(filled)
