"""What has to run, in which order, for a trace."""

from lightwork._core.program cimport Program
from lightwork.arrays.trace cimport Trace

# What has one shape: a program. Belongs to all traces that say the same.
cdef class Stage:
    cdef readonly Program program
    cdef readonly tuple entries    # by their indices in the trace
    cdef readonly tuple inputs     # values by their numbers
    cdef readonly tuple outputs

cdef tuple find_schedule(Trace trace, tuple wanted)
