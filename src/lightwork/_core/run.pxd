"""A run: one call of a program, block by block."""

from lightwork._core.loop cimport Loop
from lightwork._core.program cimport Program

cdef class Run(Loop):
    cdef Program program
    cdef char* desks
    cdef int n_desks
    cdef list flags(self)

cdef Run new_run(Program program)
cdef int seat_run(Run run, char* constants, int n_workers) except -1
