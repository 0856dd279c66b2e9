"""Masked loops: what ``where=`` of a ufunc does. Runs of items are computed, or keep what was there, as a mask has it."""

import numpy as np

cimport cython

from lightwork._core.cache cimport Cache
from lightwork._core.loop cimport BoundLoop, Loop, StridedLoop, loop_bind
from lightwork._core.moves cimport copy_loop

cdef extern from * nogil:
    """
    #include <cstddef>

    enum { LW_MAX_MASKED = 32 };

    struct lw_bound {
        lw_strided_loop* function;
        void* context;
        NpyAuxData_tag* auxdata;
    };

    struct lw_masked {
        lw_bound loop, copy;
        int nin;
    };

    static inline int lw_run_some(const lw_bound* loop, const int* operands, int n, Py_ssize_t first, Py_ssize_t count, char* const* data,
                                  const Py_ssize_t* strides) {
        char* at[LW_MAX_MASKED];
        Py_ssize_t steps[LW_MAX_MASKED];
        for (int i = 0; i < n; i++) {
            steps[i] = strides[operands[i]];
            at[i] = data[operands[i]] + first * steps[i];
        }
        return loop->function(loop->context, at, &count, steps, loop->auxdata);
    }

    /* Operands are the loop's inputs, the mask, what was there, and the output, which may be any of them item for item. */
    static int lw_run_masked(void* context, char* const* data, const Py_ssize_t* dimensions, const Py_ssize_t* strides, NpyAuxData_tag*) {
        const lw_masked* masked = static_cast<const lw_masked*>(context);
        const int mask = masked->nin, output = masked->nin + 2;
        int computing[LW_MAX_MASKED], keeping[] = {masked->nin + 1, output};
        for (int i = 0; i < masked->nin; i++) computing[i] = i;
        computing[masked->nin] = output;
        for (Py_ssize_t first = 0, last; first < dimensions[0]; first = last) {
            const bool is_on = data[mask][first * strides[mask]];
            for (last = first + 1; last < dimensions[0] && (bool) data[mask][last * strides[mask]] == is_on; last++) {}
            if (is_on ? lw_run_some(&masked->loop, computing, masked->nin + 1, first, last - first, data, strides)
                      : lw_run_some(&masked->copy, keeping, 2, first, last - first, data, strides))
                return -1;
        }
        return 0;
    }
    """
    ctypedef struct Bound "lw_bound":
        pass
    ctypedef struct Masked "lw_masked":
        Bound loop
        Bound copy
        int nin
    StridedLoop run_masked "lw_run_masked"
    enum: MAX_MASKED "LW_MAX_MASKED"

cdef object boolean = np.dtype(np.bool_)

# Masked loops by the loop that they mask.
cdef Cache known_loops = Cache.__new__(Cache, 1024)


@cython.internal
@cython.final
cdef class Context:
    """What a masked loop's context pointer points to, and what must live as long."""

    cdef Masked masked
    cdef tuple loops


cdef Loop new_loop(Loop loop, Loop copy):
    cdef Context context = Context.__new__(Context)
    cdef Loop masked = Loop.__new__(Loop)
    cdef BoundLoop bound = loop_bind(loop)
    context.masked.loop = (<Bound*> &bound)[0]
    bound = loop_bind(copy)
    context.masked.copy = (<Bound*> &bound)[0]
    context.masked.nin = loop.nin
    context.loops = (loop, copy)
    masked.fn = loop.fn
    masked.dtypes = (*loop.dtypes[:loop.nin], boolean, loop.dtypes[loop.nin], loop.dtypes[loop.nin])
    masked.nin = loop.nin + 2
    masked.nout = 1
    masked.name = loop.name
    masked.may_raise = loop.may_raise
    masked.function = run_masked
    masked.context = &context.masked
    masked.owner = context
    return masked


cdef Loop masked_loop(Loop loop):
    """
    The loop of ``ufunc(*inputs, out=there, where=mask)``: after its inputs it reads a mask and what is there.

    None for loops of several outputs, and of more inputs than anybody has.
    """
    copy = copy_loop(loop.dtypes[loop.nin]) if loop.nout == 1 and loop.nin + 3 <= MAX_MASKED else None
    if copy is None:
        return None
    found = known_loops.get(loop)
    return known_loops.keep(loop, new_loop(loop, copy)) if found is ... else found
