"""Calls of a Python callable with the error left for the caller to keep, not to propagate; all with the GIL."""

from cpython.ref cimport PyObject

cdef extern from * nogil:
    """
    /* The exception that is set, which is not set any more: with its traceback, that begins at the item. */
    static inline PyObject* lw_take_error(void) {
    #if PY_VERSION_HEX >= 0x030C0000
        return PyErr_GetRaisedException();
    #else
        PyObject *type, *error, *traceback;
        PyErr_Fetch(&type, &error, &traceback);
        PyErr_NormalizeException(&type, &error, &traceback);
        if (traceback != NULL) PyException_SetTraceback(error, traceback);
        Py_XDECREF(type);
        Py_XDECREF(traceback);
        return error;
    #endif
    }

    static inline PyObject* lw_call_star(PyObject* fn, PyObject* item) {
        PyObject* arguments = PySequence_Tuple(item);  /* a tuple itself, if it is one */
        if (arguments == NULL) return NULL;
        PyObject* value = PyObject_Vectorcall(fn, ((PyTupleObject*)arguments)->ob_item, (size_t)PyTuple_GET_SIZE(arguments), NULL);
        Py_DECREF(arguments);
        return value;
    }
    """
    object take_error "lw_take_error"()
    # A new reference, or NULL with the error set: declared by no `except`, for it is kept for the item.
    PyObject* call_star "lw_call_star"(PyObject* fn, PyObject* item)
    PyObject* call_one "PyObject_CallOneArg"(PyObject* fn, PyObject* item)
