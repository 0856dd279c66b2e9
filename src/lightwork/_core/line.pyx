"""A line: items that a pointer and one stride walk, in the order in which NumPy's reductions do."""

cimport numpy as cnp

from lightwork._core.loop cimport npy_intp

cnp.import_array()

cdef enum:
    MAX_DIMENSIONS = 64


cdef int sort_axes(cnp.ndarray array, int* axes):
    """The axes longer than one, the widest stride first; their number."""
    cdef int i, j, count = 0
    for i in range(array.ndim):
        if array.shape[i] == 1:
            continue
        j = count
        while j > 0 and abs(array.strides[axes[j - 1]]) < abs(array.strides[i]):
            axes[j] = axes[j - 1]
            j -= 1
        axes[j] = i
        count += 1
    return count


cdef bint join_axes(cnp.ndarray array, int* axes, int count, npy_intp* stride, Py_ssize_t* length):
    """Join sorted axes to one, as NumPy's iterator does; False if no single stride walks them."""
    cdef int i
    stride[0] = array.strides[axes[count - 1]] if count > 0 else array.itemsize
    length[0] = 1
    for i in range(count):
        if i > 0 and array.strides[axes[i - 1]] != array.strides[axes[i]] * array.shape[axes[i]]:
            return False
        length[0] *= array.shape[axes[i]]
    return True


cdef bint find_line(cnp.ndarray array, Line* line):
    """Describe all items of an array in memory order; False where no single stride walks them, or there are none."""
    cdef int axes[MAX_DIMENSIONS]
    line.data = cnp.PyArray_BYTES(array)
    return (cnp.PyArray_SIZE(array) > 0 and cnp.PyArray_ISALIGNED(array)
            and join_axes(array, axes, sort_axes(array, axes), &line.stride, &line.n_items))


def is_line(cnp.ndarray array):
    """
    Tell whether a pointer and one stride walk all items of an array in memory order.

    Parameters
    ----------
    array : ndarray
        Of any dtype and layout.

    Returns
    -------
    bool
        False also for an array that is empty or not aligned.
    """
    cdef Line line
    return find_line(array, &line)
