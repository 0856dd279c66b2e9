# distutils: language = c++
"""A detour that parallel regions take once it is installed: each of their chunks waits at random before it runs."""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_New
from libc.stdlib cimport free, malloc
from libcpp.atomic cimport atomic

from lightwork._core.job cimport Body, Drop
from lightwork._core.parallel cimport Region, region_run

import lightwork._core.parallel

cdef extern from *:
    """
    #include <atomic>
    #include <chrono>
    #include <random>
    #include <thread>

    enum { LONGEST_US = 150 };

    static std::atomic<unsigned> n_generators;

    /* Every other chunk goes on at once: those that wait are overtaken. */
    static void wait_at_random() {
        static thread_local std::minstd_rand random(1 + n_generators.fetch_add(1));
        const unsigned drawn = random() % (2 * LONGEST_US);
        if (drawn < LONGEST_US) std::this_thread::sleep_for(std::chrono::microseconds(drawn));
    }
    """
    void wait_at_random() noexcept nogil

# What the region would have run, had it not been led here.
cdef struct Detour:
    Body body
    Drop drop
    void* context

cdef atomic[long] n_chunks


cdef int wait_and_run(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    cdef Detour* detour = <Detour*> context
    n_chunks.fetch_add(1)
    wait_at_random()
    return detour.body(detour.context, start, stop, worker)


cdef void drop_detour(void* context) noexcept nogil:
    cdef Detour* detour = <Detour*> context
    detour.drop(detour.context)
    free(detour)


cdef int run_delayed(Region* region) except -1:
    """``region_run`` for a region whose chunks wait; it is the caller's again afterwards."""
    cdef Detour* detour = <Detour*> malloc(sizeof(Detour))
    if detour == NULL:
        raise MemoryError("no memory for a detour")
    detour.body, detour.drop, detour.context = region.body, region.drop, region.context
    region.body, region.context, region.is_orphaned = wait_and_run, detour, False
    if region.drop != NULL:
        region.drop = drop_detour
    try:
        return region_run(region)
    finally:
        if not region.is_orphaned:
            region.body, region.drop, region.context = detour.body, detour.drop, detour.context
            free(detour)


def install():
    """Lead all modules here that have yet to be imported: at import they look up who runs their regions."""
    cdef dict functions = lightwork._core.parallel.__pyx_capi__
    functions["region_run"] = PyCapsule_New(<void*> run_delayed, PyCapsule_GetName(functions["region_run"]), NULL)


def count():
    """How many chunks came this way."""
    return n_chunks.load()
