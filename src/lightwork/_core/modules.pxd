"""Modules of other packages, where somebody has imported them."""

from cpython.exc cimport PyErr_Clear
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

cdef extern from "Python.h":
    PyObject* PyImport_GetModule(object name)


cdef inline object imported(str name):
    """A module that is there already; None if it is not.

    Without the GIL `sys.modules.get` would take a lock that the interpreter needs when it exits, and that a thread which it ends there keeps."""
    cdef PyObject* found = PyImport_GetModule(name)
    if found == NULL:
        PyErr_Clear()
        return None
    module = <object> found
    Py_DECREF(module)
    return module
