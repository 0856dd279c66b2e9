# distutils: language = c++
"""A helper that comes out of its job when there is no interpreter any more, and is the last there: it has a Python context to drop."""

from libc.stdint cimport uint32_t

from lightwork._core.job cimport job_count_done
from lightwork._core.parallel cimport Region, region_run_turns
from lightwork._core.pool cimport Core
from lightwork._core.worker cimport Turn, turn_next

cdef extern from *:
    """
    #include <atomic>
    #include <chrono>
    #include <thread>

    static std::atomic<bool> has_come, is_gone;

    static void wait_for(const std::atomic<bool>& sign) {
        while (!sign) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    /* The process goes on for a while, so that whoever touches the interpreter is found out. */
    static void tell_and_linger(void) {
        is_gone = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    """
    ctypedef struct Sign "std::atomic<bool>":
        pass
    Sign has_come, is_gone
    void wait_for(Sign& sign) noexcept nogil
    void tell_and_linger() noexcept nogil
    void raise_sign "std::atomic_store"(Sign* sign, bint value) noexcept nogil
    int Py_AtExit(void (*function)() noexcept nogil)


cdef void take_turn(void* context, void* turn) noexcept nogil:
    cdef Turn* mine = <Turn*> turn
    cdef uint32_t chunk = 0
    if mine.seat != 0:
        raise_sign(&has_come, True)
        wait_for(is_gone)
        return
    wait_for(has_come)
    while turn_next(mine, &chunk):
        job_count_done(mine.job, mine.seat)


cdef void drop(void* context) noexcept with gil:
    print("there is no interpreter to print this")


def leave_a_helper(Core core):
    """Run a job to its end with a helper in it who stays there until after the interpreter's; whether he was left alone with it."""
    cdef Region region
    if Py_AtExit(tell_and_linger) != 0:
        raise RuntimeError("too many functions to be called at exit")
    region.context = NULL
    region.drop = drop
    region.n_items = 4
    region.grain = 1
    region.n_workers = 2
    region.watches_flags = False
    region.is_orphaned = False
    region_run_turns(core.alive(), &region, take_turn)
    return bool(region.is_orphaned)
