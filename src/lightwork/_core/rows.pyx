"""Whether the kernels that add rows have NumPy's bits."""

import numpy as np

cimport numpy as cnp

from lightwork._core.cache cimport Cache
from lightwork._core.sharing cimport LANES

cnp.import_array()

cdef Cache known_rows = Cache.__new__(Cache)


cdef bint agrees(AddRows* add_rows, cnp.ndarray rows):
    cdef cnp.ndarray sums = (<object> rows)[0].copy()
    add_rows(cnp.PyArray_BYTES(sums), cnp.PyArray_BYTES(rows) + cnp.PyArray_STRIDE(rows, 0), cnp.PyArray_STRIDE(rows, 0), sums.size)
    return sums.tobytes() == np.add.reduce(rows, axis=0).tobytes()


cdef AddRows* add_rows_of(cnp.dtype dtype) except? NULL:
    """
    The kernel for items of a dtype, tried out once: of two NaNs that are added, loops of older NumPys take the other one. NULL where loops
    have to do it.
    """
    cdef AddRows* add_rows = find_add_rows(ord(dtype.char))
    if add_rows == NULL:
        return NULL
    known = known_rows.get(dtype.char)
    if known is ...:
        rows = np.full((ROWS + 1, LANES), np.nan, dtype)
        rows[0], rows[1] = np.inf, -np.inf  # whose sum is a NaN with another sign
        with np.errstate(all="ignore"):
            known = known_rows.keep(dtype.char, agrees(add_rows, rows))
    return add_rows if known else NULL


def has_kernel(cnp.dtype dtype):
    """
    Tell whether rows are added several at a time by a kernel.

    Parameters
    ----------
    dtype : dtype
        Of the items.

    Returns
    -------
    bool
    """
    return add_rows_of(dtype) != NULL
