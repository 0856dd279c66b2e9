"""What a function did to placeholders of its arrays."""

cdef enum:
    IN_C_ORDER = -1
    IN_FORTRAN_ORDER_LIKE = -2

# An array of the caller's, or what an entry computes. Values never change; a placeholder may come to stand for another.
cdef class Value:
    cdef readonly object dtype     # native
    cdef readonly tuple shape
    cdef readonly object array     # None: it is computed
    cdef readonly int number       # in the recipe; -1: never used
    cdef readonly Value whole      # the complex numbers of which it is a part: NumPy would show both in one memory
    cdef readonly str part         # "real" or "imag"
    cdef bint has_parts

cdef class Trace:
    cdef readonly list values      # by their numbers
    cdef readonly list entries     # (loop, numbers of the arguments, number of the first output)
    cdef readonly list names       # how floating-point warnings call each entry; "": not at all; None: as the entry before it
    cdef readonly list modes       # the np.errstate of each entry; None: the caller's
    cdef readonly dict models      # of values whose memory order is not NumPy's usual choice: the value it follows, or one of those above
    cdef readonly bint is_reordered  # whether there is such a one in C order
    cdef readonly bint is_uniform  # whether all values have the same shape
    cdef readonly object obstacle  # the first exception that says why this is no trace; None: it is one
    cdef readonly int n_constants
    cdef char* constants
    cdef int capacity
    cdef dict cells
    cdef dict inputs
    cdef list kept
    cdef object errstate
    cdef int grow(self) except -1
    cdef object give_up(self, str why)
    cdef object refuse(self, str what, str instead)
    cdef object remember(self, object obstacle)
    cdef Value input(self, object array)
    cdef int use(self, Value value) except -1
    cdef int constant(self, object number, object dtype) except? 0

cdef class Placeholder:
    cdef readonly Trace trace
    cdef readonly Value value
    cdef object ask_numpy(self, object function, tuple args, dict kwargs)
    cdef object call_method(self, str name, tuple args, dict kwargs)
    cdef object share(self, object result)

cdef Placeholder new_input(Trace trace, object array)
