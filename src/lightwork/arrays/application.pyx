"""An elementwise function, applied to arrays: what several workers compute, and what NumPy itself has to."""

import numpy as np

cimport numpy as cnp

from lightwork._core.atomics cimport int64_t, now_ns
from lightwork._core.elementwise cimport run_elementwise
from lightwork._core.loop cimport Loop, find_ufunc_loop, forgets_casts, kind_of, loop_learn
from lightwork._core.masked cimport sparing_loop
from lightwork._core.operands cimport is_order_free, would_overflow
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.sharing cimport heeds_this_thread, is_worth_sharing
from lightwork.arrays.arguments cimport broadcast_size, pack, plain_operands, plain_outputs

cnp.import_array()

cdef enum:
    SMALL = 512  # items; under which the answer is there before it could be asked whether sharing pays

cdef object as_array = np.asarray
cdef object memmap_type = np.memmap

# --- What NumPy itself does -----------------------------------------------------------------------------------------

cdef object call_numpy(object fn, tuple arrays, object out, object dtype, object where):
    """NumPy's own call. No Python frame of ours lies between, so its warnings point at the caller's line."""
    if where is not None:
        return fn(*arrays, out=out, where=where) if dtype is None else fn(*arrays, out=out, where=where, dtype=dtype)
    if out is None:
        return fn(*arrays) if dtype is None else fn(*arrays, dtype=dtype)
    return fn(*arrays, out=out) if dtype is None else fn(*arrays, out=out, dtype=dtype)


cdef object time_numpy(Loop loop, object fn, tuple arrays, object out, object dtype, object where, Py_ssize_t n_items):
    """NumPy's own call, which teaches what an item costs."""
    cdef int64_t began = now_ns()
    result = call_numpy(fn, arrays, out, dtype, where)
    loop_learn(loop, now_ns() - began, n_items)
    return result


# --- Ufuncs ---------------------------------------------------------------------------------------------------------

cdef list numbers_to_arrays(Loop loop, list operands):
    """Python numbers as arrays of the loop's dtypes; None where NumPy would warn or refuse, which it does best itself."""
    cdef list arrays = []
    cdef int i
    for i in range(loop.nin):
        operand = operands[i]
        if not isinstance(operand, cnp.ndarray):
            if loop.dtypes[i].kind in "mM" or would_overflow(operand, loop.dtypes[i]):
                return None
            try:
                operand = as_array(operand, dtype=loop.dtypes[i])
            except (TypeError, ValueError, OverflowError):
                return None
        arrays.append(operand)
    return arrays


cdef bint has_plain_items(list operands):
    """Whether casting any of these arrays can do without the GIL."""
    for operand in operands:
        if isinstance(operand, cnp.ndarray) and (<cnp.dtype> cnp.PyArray_DESCR(operand)).kind not in b"biufcmM":
            return False
    return True


cdef bint can_be_spared(Loop loop, list outputs):
    """Whether parts of the outputs can stay as they are: not those of a new array, which are whatever NumPy finds there; and NumPy reads what it
    is to cast, which it warns of if that is complex and the loop's results are not."""
    cdef int i
    for i in range(loop.nout):
        if outputs[i] is None or (outputs[i].dtype.kind == "c" and loop.dtypes[loop.nin + i].kind != "c"):
            return False
    return True


cdef bint has_casts(Loop loop, list operands):
    """Whether an array has to be cast before the loop can read it."""
    cdef int i
    for i in range(loop.nin):
        operand = operands[i]
        if isinstance(operand, cnp.ndarray) and kind_of(operand) is not loop.dtypes[i] and operand.dtype != loop.dtypes[i]:
            return True
    return False


cdef object share_ufunc(Loop loop, list operands, list outputs, object out, Py_ssize_t n_items, Py_ssize_t grain, int n_workers):
    """The result on several workers; None where NumPy has to do it, with nothing written."""
    if not has_plain_items(operands) or not has_plain_items(outputs) or not is_order_free(outputs) or heeds_this_thread(loop):
        return None
    if forgets_casts(loop, [None if output is None else kind_of(output) for output in outputs]):
        return None
    if has_casts(loop, operands) and n_items <= np.getbufsize():
        return None  # so few NumPy casts in one piece before its loop, and warns of casts by another name
    operands = numbers_to_arrays(loop, operands)
    if operands is None:
        return None
    filled = run_elementwise(loop, operands, outputs, n_items, grain, n_workers)
    return None if filled is None else pack(filled, out)


cdef object map_ufunc(object fn, cnp.ufunc ufunc, tuple arrays, object out, object dtype, cnp.ndarray where, Py_ssize_t grain, int n_workers):
    cdef list operands, outputs
    cdef Py_ssize_t n_items
    cdef Loop loop
    if ufunc.signature is not None or (operands := plain_operands(arrays)) is None or (outputs := plain_outputs(out, ufunc.nout)) is None:
        return call_numpy(fn, arrays, out, dtype, where)
    n_items = broadcast_size(operands if where is None else [*operands, where], outputs)
    if n_items < 2 or (n_items <= grain if grain > 0 else n_items < SMALL):
        return call_numpy(fn, arrays, out, dtype, where)
    loop = find_ufunc_loop(ufunc, operands, outputs, None if dtype is None else np.dtype(dtype))
    if loop is not None and where is not None:
        operands.append(where)
        loop = sparing_loop(loop) if can_be_spared(loop, outputs) else None
    if loop is None:
        return call_numpy(fn, arrays, out, dtype, where)
    if n_workers == 0:
        n_workers = default_workers(home_pool())
    if grain == 0 and not is_worth_sharing(loop, n_items, n_workers):
        return time_numpy(loop, fn, arrays, out, dtype, where, n_items)
    result = share_ufunc(loop, operands, outputs, out, n_items, grain, n_workers)
    return call_numpy(fn, arrays, out, dtype, where) if result is None else result


# --- C functions ----------------------------------------------------------------------------------------------------

cdef object map_c_function(Loop loop, tuple arrays, object out, object dtype, Py_ssize_t grain, int n_workers):
    """A C function has one dtype and no NumPy to fall back on: what cannot be cast to it is refused here."""
    if dtype is not None and np.dtype(dtype) != loop.dtypes[loop.nin]:
        raise TypeError(f"a C function that returns {loop.dtypes[loop.nin]} cannot compute in dtype {np.dtype(dtype)}; leave dtype out")
    operands = [as_c_operand(loop, i, operand) for i, operand in enumerate(arrays)]
    outputs = plain_outputs(out, 1)
    if outputs is None:
        raise TypeError(f"out must be an array, not {type(out).__name__}")
    if outputs[0] is not None:
        check_c_output(loop, operands, outputs[0])
    n_items = broadcast_size(operands, outputs)
    if not is_order_free(outputs):
        n_workers = 1
    if n_items < 0:
        np.broadcast_shapes(*[operand.shape for operand in operands])  # raises, and says which
    if n_workers == 0:
        n_workers = default_workers(home_pool())
    if n_items < 2 or (grain == 0 and not is_worth_sharing(loop, n_items, n_workers)):
        n_workers = 1
    filled = run_elementwise(loop, operands, outputs, n_items, grain, n_workers)
    if filled is None:
        raise TypeError(f"{loop.name} cannot be applied to operands of dtypes {[operand.dtype for operand in operands]}")
    result = pack(filled, out)
    return result[()] if out is None and result.ndim == 0 else result


cdef object as_c_operand(Loop loop, int i, object operand):
    if type(operand) is int:
        return as_array(operand, dtype=loop.dtypes[i])  # weak in promotion, as for a ufunc: it has to fit
    if isinstance(operand, cnp.ndarray) and not cnp.PyArray_CheckExact(operand) and type(operand) is not memmap_type:
        raise TypeError(
            f"operand {i} of {loop.name} is a {type(operand).__name__}, of which a C function would see neither mask nor unit; "
            "pass a plain array, of a masked one .filled(...) or .data"
        )
    array = as_array(operand)
    if not np.can_cast(array.dtype, loop.dtypes[i], "same_kind") and not np.can_cast(array.dtype, loop.dtypes[i], "safe"):
        raise TypeError(f"cannot cast operand {i} of {loop.name} from {array.dtype} to {loop.dtypes[i]} by the rule 'same_kind'; convert it first")
    return array


cdef int check_c_output(Loop loop, list operands, cnp.ndarray output) except -1:
    shape = np.broadcast_shapes(*[operand.shape for operand in operands])
    given = tuple([output.shape[i] for i in range(output.ndim)])
    if given != shape:
        raise ValueError(f"out has shape {given}, but the result has shape {shape}")
    if not np.can_cast(loop.dtypes[loop.nin], output.dtype, "same_kind"):
        raise TypeError(f"cannot cast the result of {loop.name} from {loop.dtypes[loop.nin]} to out's {output.dtype} by the rule 'same_kind'")
    if not output.flags.writeable:
        raise ValueError("out is read-only")
    return 0
