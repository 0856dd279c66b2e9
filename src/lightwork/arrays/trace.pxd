"""What a function did to placeholders of its arrays."""

# Where a value is in memory when that is not NumPy's choice for what a ufunc computes: like the value of this number, or
cdef enum:
    IN_C_ORDER = -1
    IN_FORTRAN_ORDER_LIKE = -2  # its operand, if that is, and else in C order

# An array of the caller's, or what an entry computes. It never changes.
cdef class Value:
    cdef readonly object dtype     # native
    cdef readonly tuple shape
    cdef readonly object array     # None: it is computed
    cdef readonly int number       # in the recipe; -1: never used
    cdef readonly Value whole      # the complex numbers of which it is a part: NumPy would show both in one memory
    cdef readonly str part         # "real" or "imag"
    cdef bint has_parts

# What stands for a value, and may come to stand for another.
cdef class Reference:
    cdef readonly Trace trace
    cdef readonly Value value

cdef class Trace:
    cdef readonly list values        # by their numbers
    cdef readonly list entries       # (loop, numbers of the arguments, number of the first output)
    cdef readonly list names         # how floating-point warnings call each entry; "": not at all; None: as the entry before it
    cdef readonly list modes         # the np.errstate of each entry; None: the caller's
    cdef readonly dict models        # by number, where values are in memory
    cdef readonly bint is_reordered  # whether one is IN_C_ORDER
    cdef readonly bint is_uniform    # whether all values have the same shape
    cdef readonly object obstacle    # the first exception that says why this is no trace; None: it is one
    cdef bint has_scalars            # whether the function was given 0-d arrays or NumPy's scalars, with which it computes at once
    cdef bint is_over                # the function has returned: what is recorded now comes to nothing
    cdef readonly int n_constants
    cdef char* constants
    cdef int capacity
    cdef dict cells                  # constants by (id, dtype)
    cdef dict inputs                 # values by their arrays' ids
    cdef list kept                   # what must not lose its id
    cdef object kind                 # the class of its references
    cdef object errstate             # the caller's
    cdef int grow(self) except -1
    cdef object give_up(self, str why)
    cdef object refuse(self, str what, str instead)
    cdef object take_obstacle(self)
    cdef object remember(self, object obstacle)
    cdef Value input(self, object array)
    cdef int use(self, Value value) except -1
    cdef int constant(self, object number, object dtype) except? 0
    cdef object refer(self, Value value)

cdef Trace new_trace(object kind)
cdef Value new_value(object dtype, tuple shape)
cdef object left_behind()
cdef object current_errstate()
