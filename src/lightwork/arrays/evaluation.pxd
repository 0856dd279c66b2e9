"""Computing what a trace says."""

cimport numpy as cnp

from lightwork._core.run cimport Run
from lightwork.arrays.schedule cimport Stage
from lightwork.arrays.trace cimport Trace, Value

cdef class Evaluation:
    cdef Trace trace
    cdef tuple stages
    cdef list runs             # one for each stage
    cdef dict arrays           # what has been computed, by number
    cdef dict outs             # the caller's, by number
    cdef bint is_plain
    cdef list corners          # None: all is in C order
    cdef int n_workers
    cdef double ns_per_item    # of the last stage, on one worker
    cdef list run(self, dict wanted, dict outs)
    cdef cnp.ndarray reduce(self, Value value, object ufunc, bint is_sum)
    cdef int prepare(self, tuple wanted, dict outs) except -1
    cdef int seat(self, Stage stage, Run run, Py_ssize_t n_items) except -1
    cdef int learn(self, Stage stage, Run run) except -1
    cdef int run_stage(self, Stage stage) except -1
    cdef list share(self, Stage stage, Run run, list operands, list outputs, Py_ssize_t n_items)
    cdef object array(self, int number)
    cdef object output(self, Stage stage, Value value, list operands)
    cdef bint is_read_elsewhere(self, object out)
    cdef int report(self) except -1

cdef Evaluation new_evaluation(Trace trace)
