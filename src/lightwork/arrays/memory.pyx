"""What a fused function remembers of its calls: what was run, and for how few items NumPy itself is as quick."""

cimport numpy as cnp

from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork.arrays.evaluation cimport Evaluation

cnp.import_array()

cdef enum:
    # Measured: what a call costs before its first item, which has to be won back by a second worker or by temporaries that stay in the cache.
    CALL_NS = 5_000
    ENTRY_NS = 1_000           # for each ufunc that the function calls
    MIN_SMALL = 512            # items; fewer NumPy computes in any case,
    MAX_SMALL = 16384          # and more it does not: its temporaries leave the cache, and from 128 KiB on come new from the system
    MAX_SIGNATURES = 1024      # more than that is a program that makes up dtypes as it goes


cdef tuple signature(tuple args):
    """The dtypes of arrays and the types of all else."""
    cdef list kinds = []
    for argument in args:
        kinds.append(<object> cnp.PyArray_DESCR(argument) if cnp.PyArray_CheckExact(argument) else type(argument))
    return tuple(kinds)


cdef Py_ssize_t count_items(tuple args):
    """Items of the largest array."""
    cdef Py_ssize_t n_items = 0
    for argument in args:
        if cnp.PyArray_CheckExact(argument):
            n_items = max(n_items, cnp.PyArray_SIZE(argument))
    return n_items


cdef class Memory:
    """
    What a fused function remembers of its calls. Shared by all threads that call it, which is what dicts are for.

    Attributes
    ----------
    stages : tuple of Stage or None
        What was last run; None if nothing was.
    """

    def __cinit__(self):
        self.latest = {}
        self.lead = {}

    @property
    def stages(self):
        """What was last run."""
        return (<object> self.latest).get("stages")

    def leaves_to_numpy(self, tuple args, dict kwargs):
        """
        Tell whether a call would be NumPy's for having few items.

        Parameters
        ----------
        args, kwargs : tuple, dict

        Returns
        -------
        bool
        """
        return not kwargs and self.is_small(signature(args), count_items(args))

    cdef bint is_small(self, tuple key, Py_ssize_t n_items) except -1:
        """Whether NumPy itself is as quick with so many items; no for a signature of which nothing is known, or that computes nothing."""
        cdef double lead = (<object> self.lead).get(key, 0.0)  # by way of an object, as in loop.pyx
        cdef int n_workers
        if lead == 0 or n_items >= MAX_SMALL:
            return False
        if n_items < MIN_SMALL:
            return True
        n_workers = default_workers(home_pool())
        return n_items * (n_workers - 1) < lead * n_workers

    cdef int learn(self, Evaluation evaluation, Py_ssize_t n_entries, tuple key) except -1:
        """Remember what was run, None for nothing, and what a call costs before its first item, in items."""
        cdef double lead = 0
        if evaluation is not None:
            self.latest["stages"] = evaluation.stages
            if evaluation.ns_per_item == 0:
                return 0  # nothing was computed, of empty arrays
            lead = (CALL_NS + ENTRY_NS * n_entries) / evaluation.ns_per_item
        if key is not None:
            if len(self.lead) >= MAX_SIGNATURES:
                self.lead.clear()
            self.lead[key] = lead
        return 0
