"""Several rows added to their sums in one pass, each in its turn.

Every step is rounded as in NumPy's own loop, which takes one row at a time; only the sums stay in registers between rows. The rows are read
side by side, so a machine sees what is read next in each of them.
"""

cimport numpy as cnp

from lightwork._core.clones cimport IS_CLONED  # no-cython-lint: for its macro

cdef extern from * nogil:
    """
    #include <cstddef>

    enum { LW_ROWS = 8 };

    #define LW_ADD_ROWS(name, Real)                                                                                    \
        LW_FOR_EACH_PROCESSOR __attribute__((noinline))                                                                \
        static void name(char* sums, const char* first, std::ptrdiff_t apart, std::ptrdiff_t count) {                  \
            Real* __restrict const out = (Real*) sums;                                                                 \
            const Real* rows[LW_ROWS];                                                                                 \
            for (int row = 0; row < LW_ROWS; row++)                                                                    \
                rows[row] = (const Real*) (first + row * apart);                                                       \
            for (std::ptrdiff_t i = 0; i < count; i++) {                                                               \
                Real sum = out[i];                                                                                     \
                for (int row = 0; row < LW_ROWS; row++)                                                                \
                    sum += rows[row][i];                                                                               \
                out[i] = sum;                                                                                          \
            }                                                                                                          \
        }
    LW_ADD_ROWS(lw_add_rows_of_floats, float)
    LW_ADD_ROWS(lw_add_rows_of_doubles, double)
    """
    enum: ROWS "LW_ROWS"

    void add_rows_of_floats "lw_add_rows_of_floats"(char*, const char*, Py_ssize_t, Py_ssize_t)
    void add_rows_of_doubles "lw_add_rows_of_doubles"(char*, const char*, Py_ssize_t, Py_ssize_t)

# Of rows that are so many bytes apart, items side by side; how many there are in each.
ctypedef void AddRows(char* sums, const char* first, Py_ssize_t apart, Py_ssize_t count) noexcept nogil


cdef inline AddRows* find_add_rows(char kind) noexcept nogil:
    """The kernel for items of a dtype by its character; NULL if there is none."""
    if kind == c"d":
        return add_rows_of_doubles
    if kind == c"f":
        return add_rows_of_floats
    return NULL


cdef AddRows* add_rows_of(cnp.dtype dtype) except? NULL
