"""Masked loops: what ``where=`` of a ufunc does. Runs of items are computed, or keep what was there, as a mask has it."""

import numpy as np

cimport cython

from lightwork._core.cache cimport Cache
from lightwork._core.loop cimport AuxData, Loop, StridedLoop
from lightwork._core.moves cimport copy_loop

cdef extern from * nogil:
    """
    #include <cstddef>
    #include <cstdint>
    #include <cstring>

    enum { LW_MAX_MASKED = 32 };

    struct lw_bound {
        lw_strided_loop* function;
        void* context;
        NpyAuxData_tag* auxdata;
    };

    struct lw_masked {
        lw_bound loop, copy;  /* no copy: what the mask leaves out is not touched */
        int nin, nout;
    };

    /* A loop over some of a call's operands. */
    struct lw_part {
        const lw_bound* loop;
        int n = 0;
        char* starts[LW_MAX_MASKED];
        Py_ssize_t steps[LW_MAX_MASKED];

        void take(char* const* data, const Py_ssize_t* strides, int first, int count) {
            for (int i = first; i < first + count; i++, n++) starts[n] = data[i], steps[n] = strides[i];
        }

        int run(Py_ssize_t first, Py_ssize_t count) const {
            char* at[LW_MAX_MASKED];
            for (int i = 0; i < n; i++) at[i] = starts[i] + first * steps[i];
            return loop->function(loop->context, at, &count, steps, loop->auxdata);
        }
    };

    /* How many items from here on are all on, or all off. Eight are looked at together if they lie side by side: the lowest bit that is set
       is then in the first byte that ends the run, and no branch has to be foreseen. */
    template <bool On> static inline Py_ssize_t lw_run_length(const char* mask, Py_ssize_t stride, Py_ssize_t n) {
        const uint64_t ones = 0x0101010101010101u;
        Py_ssize_t count = 0;
        if (stride == 1 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
            for (uint64_t eight; count + 8 <= n; count += 8) {
                std::memcpy(&eight, mask + count, 8);
                const uint64_t ends = On ? (eight - ones) & ~eight & (ones << 7) : eight;
                if (ends) return count + __builtin_ctzll(ends) / 8;
            }
        if (stride == 0 && n > 0) return (bool) *mask == On ? n : 0;
        while (count < n && (bool) mask[count * stride] == On) count++;
        return count;
    }

    /* Operands are the loop's inputs, the mask, what was there if it is to be copied, and the outputs. An output may be any of them item for item. */
    static int lw_run_masked(void* context, char* const* data, const Py_ssize_t* dimensions, const Py_ssize_t* strides, NpyAuxData_tag*) {
        const lw_masked* masked = static_cast<const lw_masked*>(context);
        const int mask = masked->nin, there = mask + 1, outputs = masked->copy.function ? there + 1 : there;
        const bool is_there = there == outputs || (data[there] == data[outputs] && strides[there] == strides[outputs]);
        lw_part computed{&masked->loop}, kept{&masked->copy};
        computed.take(data, strides, 0, masked->nin);
        computed.take(data, strides, outputs, masked->nout);
        kept.take(data, strides, there, 2 * !is_there);
        for (Py_ssize_t first = 0, count; first < dimensions[0]; first += count) {
            count = lw_run_length<false>(data[mask] + first * strides[mask], strides[mask], dimensions[0] - first);
            if (count && kept.n && kept.run(first, count)) return -1;
            first += count;
            count = lw_run_length<true>(data[mask] + first * strides[mask], strides[mask], dimensions[0] - first);
            if (count && computed.run(first, count)) return -1;
        }
        return 0;
    }
    """
    ctypedef struct Bound "lw_bound":  # as a BoundLoop, which C++ has no name for
        StridedLoop* function
        void* context
        AuxData* auxdata
    ctypedef struct Masked "lw_masked":
        Bound loop
        Bound copy
        int nin
        int nout
    StridedLoop run_masked "lw_run_masked"
    enum: MAX_MASKED "LW_MAX_MASKED"

cdef object boolean = np.dtype(np.bool_)

# Masked loops by the loop that they mask, and whether they copy what was there.
cdef Cache known_loops = Cache.__new__(Cache, 1024)


@cython.internal
@cython.final
cdef class Context:
    """What a masked loop's context pointer points to, and what must live as long."""

    cdef Masked masked
    cdef tuple loops


cdef void bind(Bound* bound, Loop loop) noexcept:
    bound.function = loop.function
    bound.context = loop.context
    bound.auxdata = loop.auxdata


cdef Loop new_loop(Loop loop, Loop copy):
    """The loop under a mask; `copy` is None if what the mask leaves out stays where it is."""
    cdef Context context = Context.__new__(Context)
    cdef Loop masked = Loop.__new__(Loop)
    cdef tuple inputs = loop.dtypes[:loop.nin], outputs = loop.dtypes[loop.nin:]
    bind(&context.masked.loop, loop)
    if copy is not None:
        bind(&context.masked.copy, copy)
    context.masked.nin = loop.nin
    context.masked.nout = loop.nout
    context.loops = (loop, copy)
    masked.fn = loop.fn
    masked.dtypes = (*inputs, boolean, *outputs) if copy is None else (*inputs, boolean, *outputs, *outputs)
    masked.nin = len(masked.dtypes) - loop.nout
    masked.nout = loop.nout
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
    found = known_loops.get((loop, True))
    return known_loops.keep((loop, True), new_loop(loop, copy)) if found is ... else found


cdef Loop sparing_loop(Loop loop):
    """The same for outputs of the caller's: after its inputs it reads a mask, and touches nothing that this leaves out. None for too many."""
    if loop.nin + 1 + loop.nout > MAX_MASKED:
        return None
    found = known_loops.get((loop, False))
    if found is not ...:
        return found
    cdef Loop sparing = new_loop(loop, None)
    sparing.mask = loop.nin
    return known_loops.keep((loop, False), sparing)
