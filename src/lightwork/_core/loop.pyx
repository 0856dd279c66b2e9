"""Where loops come from: NumPy's own, by the door that it made for Numba; and what they were seen to cost.

``ufunc._resolve_dtypes_and_context`` and ``ufunc._get_strided_loop`` (NumPy 1.25 and later) fill a capsule with the
function that NumPy itself would call. Any ufunc works, also scipy.special's and Numba's.
"""

import numpy as np

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer

from lightwork._core.atomics cimport int64_t, memory_order_relaxed
from lightwork._core.cache cimport Cache
from lightwork._core.flags cimport report_flags

cdef extern from * nogil:
    """
    /* The layout behind the capsule "numpy_1.24_ufunc_call_info", as NumPy's documentation of _get_strided_loop gives it. */
    struct lw_call_info {
        lw_strided_loop* strided_loop;
        void* context;
        NpyAuxData_tag* auxdata;
        unsigned char requires_pyapi;
        unsigned char no_floatingpoint_errors;
    };
    """
    ctypedef struct CallInfo "lw_call_info":
        StridedLoop* strided_loop
        void* context
        AuxData* auxdata
        unsigned char requires_pyapi

cnp.import_array()

cdef extern from "<cfenv>" nogil:
    const int FE_ALL_EXCEPT
    const int FE_OVERFLOW
    int feclearexcept(int)
    int feraiseexcept(int)
    int fetestexcept(int)

cdef extern from "numpy/ndarraytypes.h":
    int NPY_HALF  # the last of NumPy's own numbers

cdef enum:
    GUESS_FS = 1_000_000   # a nanosecond an item, before the first measurement

# What a loop does with floating-point flags that were raised before it ran.
cdef enum Habit:
    UNSEEN
    KEEPS_FLAGS
    CLEARS_FLAGS

# Loops by ufunc, dtype=, the kinds of all operands as given, and the numbers of their types; None where NumPy has to run the call itself.
cdef Cache known_loops = Cache.__new__(Cache)

cdef frozenset numpy_ufuncs = frozenset(f for f in vars(np).values() if isinstance(f, np.ufunc))


cdef class Loop:
    """A C function for one set of dtypes, with what was learned of its cost. Immutable but for that, and shared by all threads."""

    cdef int report(self, int flags) except -1:
        """Tell the caller which floating-point flags a call of the loop raised."""
        return report_flags(self.name, flags)


cdef bint loop_is_known(Loop loop) noexcept nogil:
    return loop.cost.load(memory_order_relaxed) > 0


cdef double loop_ns_per_item(Loop loop) noexcept nogil:
    cdef int64_t cost = loop.cost.load(memory_order_relaxed)
    return (cost if cost > 0 else GUESS_FS) * 1e-6


cdef void loop_learn(Loop loop, int64_t elapsed_ns, Py_ssize_t n_items) noexcept nogil:
    """Take a measurement in: a quicker one is believed at once, a slower one (a neighbour, a cold cache) by a quarter."""
    cdef int64_t seen = <int64_t> (elapsed_ns * 1e6 / n_items) + 1
    cdef int64_t known = loop.cost.load(memory_order_relaxed)
    if known > 0 and seen > known:
        seen = known + (seen - known) // 4
    loop.cost.store(seen, memory_order_relaxed)  # two writers may overwrite each other: either measurement will do


cdef object kind_of(object operand):
    """What NumPy's promotion needs of an operand: its dtype, or the type of a Python number, which is weak."""
    if cnp.PyArray_CheckExact(operand):
        return <object> cnp.PyArray_DESCR(operand)
    return type(operand)


cdef int type_number(object kind):
    """What tells dtypes apart that are equal, as C's long and long long are; -1 for what is no dtype."""
    return (<cnp.dtype> kind).num if isinstance(kind, cnp.dtype) else -1


cdef Loop new_ufunc_loop(object ufunc, tuple operands, object dtype):
    wanted = {} if dtype is None else {"signature": (None,) * ufunc.nin + (dtype,) * ufunc.nout}
    dtypes, capsule = ufunc._resolve_dtypes_and_context(operands, casting="same_kind", **wanted)
    if any(dtype.kind not in "biufcmM" or not 0 <= dtype.num <= NPY_HALF for dtype in dtypes):  # a user's dtype may call itself a float
        return None
    ufunc._get_strided_loop(capsule)
    cdef CallInfo* info = <CallInfo*> PyCapsule_GetPointer(capsule, "numpy_1.24_ufunc_call_info")
    if info.requires_pyapi:
        return None
    cdef Loop loop = Loop.__new__(Loop)
    loop.fn = ufunc
    loop.dtypes = dtypes
    loop.nin = ufunc.nin
    loop.nout = ufunc.nout
    loop.name = ufunc.__name__
    # Of NumPy's own loops only integer powers do, and some of those on times.
    kinds = "".join([dtype.kind for dtype in dtypes])
    loop.may_raise = ufunc not in numpy_ufuncs or "m" in kinds or "M" in kinds or (ufunc is np.power and kinds[0] in "iu")
    loop.function = info.strided_loop
    loop.context = info.context
    loop.auxdata = info.auxdata
    loop.owner = capsule
    return loop


cdef bint was_seen_to_clear(Loop loop):
    """Run the loop with a flag raised, on as many items as vectors take."""
    cdef char* data[MAX_OPERANDS]
    cdef npy_intp strides[MAX_OPERANDS]
    cdef int i
    cdef npy_intp count = 128
    cdef list items = [np.ones(count, dtype) for dtype in loop.dtypes]
    for i, item in enumerate(items):
        data[i] = cnp.PyArray_BYTES(<cnp.ndarray> item)
        strides[i] = (<cnp.ndarray> item).itemsize
    feclearexcept(FE_ALL_EXCEPT)
    feraiseexcept(FE_OVERFLOW)
    loop.function(loop.context, data, &count, strides, loop.auxdata)
    is_cleared = not fetestexcept(FE_OVERFLOW)
    feclearexcept(FE_ALL_EXCEPT)
    return is_cleared


cdef bint clears_flags(Loop loop):
    """Whether the loop clears floating-point flags that were raised before it ran."""
    cdef int habit = loop.habit.load(memory_order_relaxed)
    if habit == UNSEEN:
        habit = CLEARS_FLAGS if was_seen_to_clear(loop) else KEEPS_FLAGS
        loop.habit.store(habit, memory_order_relaxed)  # whoever else looks sees the same
    return habit == CLEARS_FLAGS


cdef bint forgets_casts(Loop loop, list outputs):
    """Whether NumPy, too, tells only of the last buffer's casts what flags they raised, because the loop clears those of the buffers before:
    of a given output, for whose dtype (None: a new one) results can be too large."""
    cdef int i
    for i in range(loop.nout):
        dtype = loop.dtypes[loop.nin + i]
        if outputs[i] is not None and outputs[i] is not dtype and not loop.may_raise and not np.can_cast(dtype, outputs[i]):
            return clears_flags(loop)
    return False


cdef bint minds_place(Loop loop):
    """Whether what an item gives depends on where in a call of the loop it stands: of zeros of both signs these two choose one in NumPy's vectors,
    and the other, here and there, in what vectors leave over at the end."""
    return (loop.fn is np.fmin or loop.fn is np.fmax) and loop.dtypes[0].kind == "f"


cdef Loop find_ufunc_loop(object ufunc, list operands, list outputs, object dtype):
    """
    The loop NumPy would use for these operands (exact arrays or Python numbers), outputs (exact arrays or None) and `dtype`
    (None or a dtype); None where there is no loop that runs without the GIL, or no loop at all.
    """
    cdef tuple kinds = tuple([kind_of(operand) for operand in operands] + [None if output is None else kind_of(output) for output in outputs])
    return find_loop(ufunc, dtype, kinds)


cdef Loop find_loop(object ufunc, object dtype, tuple kinds):
    """The same for the kinds of all operands, of outputs that are not given None."""
    cdef tuple key = (ufunc, dtype, type_number(dtype), kinds, tuple([type_number(kind) for kind in kinds]))
    found = known_loops.get(key)
    return learn_ufunc_loop(ufunc, key) if found is ... else <Loop> found


cdef Loop learn_ufunc_loop(object ufunc, tuple key):
    try:
        loop = new_ufunc_loop(ufunc, key[3], key[1])
    except (TypeError, ValueError, NotImplementedError):  # NumPy's to raise, with its own words
        loop = None
    if loop is not None or ufunc in numpy_ufuncs:  # others may learn more loops, as Numba's do
        return known_loops.keep(key, loop)
    return loop


def measured_loops():
    """
    What has been learned so far, for ``python -m lightwork doctor``.

    Returns
    -------
    list of tuple
        ``(name, dtypes, ns_per_item)`` of each loop that has been timed.
    """
    cdef Loop loop
    rows = []
    for loop in [known for known in known_loops.values() if known is not None]:
        if loop.cost.load(memory_order_relaxed) > 0:
            rows.append((loop.name, loop.dtypes, loop_ns_per_item(loop)))
    return sorted(set(rows), key=str)
