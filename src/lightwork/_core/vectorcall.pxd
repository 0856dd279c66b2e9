"""Calls of a Python callable with the error left for the caller to keep, not to propagate; all with the GIL."""

from cpython.ref cimport PyObject

cdef extern from * nogil:
    """
    #include <cstring>

    /* The exception that is set, which is not set any more: with its traceback, that begins at the item. */
    static inline PyObject* lw_take_error(void) {
        if (PyErr_Occurred() == NULL) PyErr_SetString(PyExc_SystemError, "the function returned NULL without an exception");
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

    /* PyObject_CallOneArg without the calls in between, which are a tenth of what an item costs. Nor does it look whether a function in C kept to
       the rules, as PyObject_CallOneArg does: Cython's own calls do not, either. */
    static inline PyObject* lw_call_one(PyObject* fn, PyObject* item) {
        PyTypeObject* type = Py_TYPE(fn);
        vectorcallfunc call = NULL;
        if (PyType_HasFeature(type, Py_TPFLAGS_HAVE_VECTORCALL)) memcpy(&call, (char*)fn + type->tp_vectorcall_offset, sizeof(call));
        if (call == NULL) return PyObject_CallOneArg(fn, item);
        PyObject* arguments[2] = {NULL, item};  /* whom it calls may put something before the item meanwhile */
        return call(fn, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
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
    PyObject* call_one "lw_call_one"(PyObject* fn, PyObject* item)
