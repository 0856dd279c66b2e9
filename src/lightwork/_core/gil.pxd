"""The GIL, for threads that live without it and may want it when the interpreter is on its way out, or gone.

``with gil`` finds a thread's state under a key that the interpreter deletes at its end; who comes later is taken for a new thread, for which there is
no interpreter, and crashes. So whoever runs without the GIL comes in by this door first; ``with gil`` then finds that it is held.
"""

cdef extern from * nogil:
    """
    #include <unistd.h>

    #ifdef Py_GIL_DISABLED
    static constexpr bool lw_has_gil = false;
    #else
    static constexpr bool lw_has_gil = true;
    #endif

    #if PY_VERSION_HEX >= 0x030D0000
    #define lw_is_finalizing Py_IsFinalizing
    #else
    #define lw_is_finalizing _Py_IsFinalizing
    #endif

    /* A thread that comes too late stays here: the state of one that is known may be gone by then, but the interpreter looks at the
       pointer only, and ends the thread. One that is not known (false) is either new, or its key was deleted. */
    static inline bool lw_gil_take(void) {
        PyThreadState* mine = PyGILState_GetThisThreadState();
        if (mine != nullptr) PyEval_RestoreThread(mine);
        else while (lw_is_finalizing()) pause();
        return mine != nullptr;
    }

    static inline void lw_gil_leave(bool is_taken) {
        if (is_taken) PyEval_SaveThread();
    }
    """
    # Whether this interpreter has one at all.
    const bint has_gil "lw_has_gil"
    # Whether the interpreter is on its way out: no thread can be started then, and taking the GIL ends a thread.
    bint is_finalizing "lw_is_finalizing"()
    # Take the GIL, in a thread that does not have it; what it answers is for gil_leave. It does not return once the interpreter finalizes.
    bint gil_take "lw_gil_take"()
    void gil_leave "lw_gil_leave"(bint is_taken)
