"""Running what a trace says."""

from lightwork._core.program cimport Program, Run
from lightwork.arrays.trace cimport Trace, Value

cdef class Stage:
    cdef readonly tuple shape
    cdef readonly Py_ssize_t n_items
    cdef list entries          # by their indices in the trace
    cdef tuple inputs          # values by their numbers
    cdef tuple outputs
    cdef Run run

cdef class Evaluation:
    cdef Trace trace
    cdef list stages
    cdef dict arrays           # what has been computed, by number
    cdef dict outs             # the caller's, by number
    cdef bint is_plain
    cdef list corners          # None: all is in C order
    cdef int n_workers
    cdef list run(self, list wanted, list outs, int n_workers)
    cdef int run_stage(self, Stage stage) except -1
    cdef list share(self, Stage stage, Run run, list operands, list outputs)
    cdef object array(self, int number)
    cdef object output(self, Program program, Value value, list operands)
    cdef int report(self) except -1

cdef Evaluation new_evaluation(Trace trace)
