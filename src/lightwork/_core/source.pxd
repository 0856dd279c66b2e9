"""Where the items of a job come from: a sequence, by index, in whatever thread runs the item.

A list is read as it is when its item is begun, so what is put into it meanwhile counts, and an index that it does not have any more is
an error of that item. A sequence of any other type than Python's own three may know nothing of threads: it is asked for one item at a time.
"""

from cpython.ref cimport PyObject

cdef extern from * nogil:
    """
    /* A new reference, or NULL with IndexError set; safe beside threads that change the list. */
    #if PY_VERSION_HEX >= 0x030D0000
    #define lw_list_item PyList_GetItemRef
    #else
    static inline PyObject* lw_list_item(PyObject* list, Py_ssize_t index) {
        return Py_XNewRef(PyList_GetItem(list, index));
    }
    #endif

    static inline PyObject* lw_tuple_item(PyObject* tuple, Py_ssize_t index) {
        return Py_NewRef(PyTuple_GET_ITEM(tuple, index));
    }

    /* Waits for the lock without the GIL, and looks for signals meanwhile as every wait does. */
    static inline bool lw_lock(PyThread_type_lock lock) {
        PyLockStatus status = PyThread_acquire_lock_timed(lock, 0, 0);
        while (status != PY_LOCK_ACQUIRED) {
            Py_BEGIN_ALLOW_THREADS
            status = PyThread_acquire_lock_timed(lock, 50000, 0);
            Py_END_ALLOW_THREADS
            if (status != PY_LOCK_ACQUIRED && PyErr_CheckSignals() != 0) return false;
        }
        return true;
    }

    static inline PyObject* lw_locked_item(PyThread_type_lock lock, PyObject* sequence, Py_ssize_t index) {
        if (!lw_lock(lock)) return NULL;
        PyObject* item = PySequence_GetItem(sequence, index);
        PyThread_release_lock(lock);
        return item;
    }
    """
    ctypedef void* Lock "PyThread_type_lock"
    Lock PyThread_allocate_lock()
    void PyThread_free_lock(Lock lock)
    PyObject* list_item "lw_list_item"(PyObject* items, Py_ssize_t index)
    PyObject* tuple_item "lw_tuple_item"(PyObject* items, Py_ssize_t index)
    PyObject* locked_item "lw_locked_item"(Lock lock, PyObject* items, Py_ssize_t index)
    PyObject* PyLong_FromSsize_t(Py_ssize_t number)

cdef enum Kind:
    LIST
    TUPLE
    RANGE    # whose ends fit into a machine word
    SEQUENCE  # any other

cdef struct Source:
    Kind kind
    PyObject* items   # borrowed
    Py_ssize_t first  # of a range,
    Py_ssize_t step   # likewise
    Lock lock         # of any other sequence, else NULL


cdef inline int source_open(Source* source, object items) except -1:
    """For `items`, which are to outlive the source."""
    source.items = <PyObject*> items
    source.lock = NULL
    if type(items) is list:
        source.kind = LIST
    elif type(items) is tuple:
        source.kind = TUPLE
    elif type(items) is range and -(2**62) < min(items.start, items.stop) <= max(items.start, items.stop) < 2**62:
        source.kind = RANGE
        source.first, source.step = items.start, items.step if len(items) > 1 else 1
    else:
        source.kind = SEQUENCE
        source.lock = PyThread_allocate_lock()
        if source.lock == NULL:
            raise MemoryError("no memory for a lock")
    return 0


cdef inline void source_close(Source* source) noexcept nogil:
    if source.lock != NULL:
        PyThread_free_lock(source.lock)


# With the GIL: a new reference, or NULL with the error set, which is declared by no `except` because it is the caller's to take.
cdef inline PyObject* source_item(Source* source, Py_ssize_t index) noexcept:
    if source.kind == LIST:
        return list_item(source.items, index)
    if source.kind == TUPLE:
        return tuple_item(source.items, index)
    if source.kind == RANGE:
        return PyLong_FromSsize_t(source.first + index * source.step)
    return locked_item(source.lock, source.items, index)
