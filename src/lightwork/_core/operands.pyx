"""Plain operands: those that a pointer and one stride walk in the order of the result."""

import numpy as np

cimport numpy as cnp
from libc.float cimport DBL_MAX
from libc.math cimport INFINITY

from lightwork._core.loop cimport npy_intp

cnp.import_array()


cdef bint is_plain(cnp.ndarray array, cnp.ndarray like, cnp.dtype dtype):
    """Whether a pointer and one stride walk the array in the same order as `like`."""
    if cnp.PyArray_DESCR(array) != <cnp.PyArray_Descr*> dtype and (<object> array).dtype != dtype:
        return False
    if not cnp.PyArray_ISALIGNED(array):
        return False
    if array.ndim == 0:
        return True
    if array.ndim != like.ndim or not all_equal(array.shape, like.shape, array.ndim):
        return False
    if array.ndim == 1:
        return True
    return ((cnp.PyArray_IS_C_CONTIGUOUS(array) and cnp.PyArray_IS_C_CONTIGUOUS(like))
            or (cnp.PyArray_IS_F_CONTIGUOUS(array) and cnp.PyArray_IS_F_CONTIGUOUS(like)))


cdef bint all_equal(npy_intp* a, npy_intp* b, int n):
    cdef int i
    for i in range(n):
        if a[i] != b[i]:
            return False
    return True


cdef npy_intp plain_stride(cnp.ndarray array):
    if array.ndim == 0:
        return 0
    return array.strides[0] if array.ndim == 1 else array.itemsize


cdef bint is_item_for_item(cnp.ndarray output, cnp.ndarray source):
    """Whether item i of both is the same memory, so that writing one is what reading it allows."""
    return (cnp.PyArray_BYTES(output) == cnp.PyArray_BYTES(source) and plain_stride(output) == plain_stride(source)
            and output.itemsize == source.itemsize and abs(plain_stride(output)) >= output.itemsize)


cdef bint may_overlap(cnp.ndarray a, cnp.ndarray b, Py_ssize_t n_items):
    """Whether two plain operands lie between each other's bounds."""
    cdef npy_intp a_first = <npy_intp> cnp.PyArray_BYTES(a)
    cdef npy_intp b_first = <npy_intp> cnp.PyArray_BYTES(b)
    cdef npy_intp a_last = a_first + (n_items - 1) * plain_stride(a)
    cdef npy_intp b_last = b_first + (n_items - 1) * plain_stride(b)
    return (min(a_first, a_last) < max(b_first, b_last) + b.itemsize
            and min(b_first, b_last) < max(a_first, a_last) + a.itemsize)


cdef bint is_apart(cnp.ndarray output, list operands, list earlier, Py_ssize_t n_items):
    """Whether writing `output` chunk by chunk changes nothing that another item is still to be computed from."""
    cdef cnp.ndarray other
    for other in operands:
        if may_overlap(output, other, n_items) and not is_item_for_item(output, other):
            return False
    for other in earlier:
        if may_overlap(output, other, n_items):
            return False
    return True


cdef cnp.ndarray widest(list operands):
    cdef cnp.ndarray array
    cdef cnp.ndarray found = None
    for array in operands:
        if found is None or array.ndim > found.ndim:
            found = array
    return found


cpdef bint may_overlap_itself(cnp.ndarray array):
    """
    Whether two items may be the same memory: when a stride is shorter than what the finer strides span.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    bool
    """
    cdef int i
    cdef npy_intp span = array.itemsize
    if cnp.PyArray_IS_C_CONTIGUOUS(array) or cnp.PyArray_IS_F_CONTIGUOUS(array):
        return False
    for stride, length in sorted([(abs(array.strides[i]), array.shape[i]) for i in range(array.ndim)]):
        if length > 1 and stride < span:
            return True
        span += stride * (length - 1)
    return False


cdef bint is_order_free(list outputs):
    """Whether it makes no difference in which order the items of the given outputs are written."""
    cdef list given = [output for output in outputs if output is not None]
    for output in given:
        if may_overlap_itself(output):
            return False
    return not any([np.may_share_memory(a, b) for i, a in enumerate(given) for b in given[:i]]) if len(given) > 1 else True


cdef bint would_overflow(object number, object dtype):
    """Whether NumPy would warn when it makes this Python number an item of a loop's dtype."""
    cdef double limit
    if type(number) is int or dtype.kind not in "fc":
        return False
    limit = {("f", 2): 65504.0, ("f", 4): 3.4028234e38, ("c", 8): 3.4028234e38}.get((dtype.kind, dtype.itemsize), DBL_MAX)
    return limit < max(abs(number.real), abs(number.imag)) < INFINITY
