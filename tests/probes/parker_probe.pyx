# distutils: language = c++
"""Parkers, used from Python step by step, and by two nogil threads that wake each other in turn."""

from lightwork._core.atomics cimport delete_array, int64_t, new_array
from lightwork._core.parker cimport Parker

from gate cimport Gate, gate_expect, gate_pass


cdef class Beds:
    """Two parkers."""

    cdef Parker* beds
    cdef Gate gate

    def __cinit__(self):
        self.beds = new_array[Parker](2)
        gate_expect(&self.gate, 2)

    def __dealloc__(self):
        delete_array[Parker](self.beds, 2)

    def park(self, int64_t timeout):
        """Park at the first for at most so many nanoseconds; return whether there was a token."""
        cdef bint woken
        with nogil:
            woken = self.beds[0].park(timeout)
        return woken

    def unpark(self):
        """Leave a token at the first."""
        self.beds[0].unpark()

    def alternate(self, int side, int64_t n_rounds):
        """Wake the other and wait to be woken, in turn; return in how many rounds a second was not enough for that."""
        cdef int64_t n_overslept = 0
        cdef int64_t _
        with nogil:
            gate_pass(&self.gate)
            for _ in range(n_rounds):
                if side == 0:
                    self.beds[1].unpark()
                n_overslept += not self.beds[side].park(1_000_000_000)
                if side == 1:
                    self.beds[0].unpark()
        return n_overslept
