"""A strided loop: the C function that computes one ufunc, or one C function of somebody's, for one set of dtypes."""

from lightwork._core.atomics cimport atomic, int64_t

cdef extern from "numpy/ndarrayobject.h" nogil:
    ctypedef Py_ssize_t npy_intp

cdef extern from * nogil:
    """
    struct NpyAuxData_tag;
    /* The type that NumPy calls PyArrayMethod_StridedLoop, without the headers that declare it. */
    typedef int lw_strided_loop(void* context, char* const* data, const Py_ssize_t* dimensions,
                                const Py_ssize_t* strides, NpyAuxData_tag* auxdata);
    """
    ctypedef struct AuxData "NpyAuxData_tag":
        pass
    # Computes dimensions[0] items; 0, or -1 with a Python exception set in the thread that called it.
    ctypedef int StridedLoop "lw_strided_loop"(void* context, char** data, npy_intp* dimensions, npy_intp* strides, AuxData* auxdata)

cdef enum:
    MAX_OPERANDS = 32

cdef class Loop:
    cdef readonly object fn        # what it computes: a ufunc, or the object the C function came from
    cdef readonly tuple dtypes     # of all operands, inputs first
    cdef readonly int nin
    cdef readonly int nout
    cdef readonly str name         # as floating-point warnings call it
    cdef int mask                  # which operand says what items of the outputs are written, the others being the caller's; 0: none
    cdef bint may_raise            # may set a Python exception in the thread it runs in
    cdef StridedLoop* function
    cdef void* context
    cdef AuxData* auxdata
    cdef npy_intp auxdata_step     # bytes from one worker's to the next one's; 0: there is one for all
    cdef object owner              # keeps what the pointers point to
    cdef atomic[int64_t] cost      # of one item in femtoseconds, as last measured; 0: never
    cdef atomic[int] habit         # whether it clears flags that others raised, once it was seen
    cdef int report(self, int flags) except -1

# A loop as chunks call it, without the object, which the caller of their job keeps.
cdef struct BoundLoop:
    StridedLoop* function
    void* context
    AuxData* auxdata


cdef inline BoundLoop loop_bind(Loop loop) noexcept nogil:
    cdef BoundLoop bound
    bound.function = loop.function
    bound.context = loop.context
    bound.auxdata = loop.auxdata
    return bound


cdef inline int bound_call(BoundLoop* bound, char** data, npy_intp count, npy_intp* strides) noexcept nogil:
    return bound.function(bound.context, data, &count, strides, bound.auxdata)


cdef int type_number(object kind)
cdef Loop new_ufunc_loop(object ufunc, tuple operands, object dtype)
cdef bint loop_is_known(Loop loop) noexcept nogil
cdef double loop_ns_per_item(Loop loop) noexcept nogil
cdef void loop_learn(Loop loop, int64_t elapsed_ns, Py_ssize_t n_items) noexcept nogil
cdef object kind_of(object operand)
cdef bint clears_flags(Loop loop)
cdef bint forgets_casts(Loop loop, list outputs)
cdef bint minds_place(Loop loop)
cdef Loop find_loop(object ufunc, object dtype, tuple kinds)
cdef Loop find_ufunc_loop(object ufunc, list operands, list outputs, object dtype)
