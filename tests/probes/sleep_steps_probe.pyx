# distutils: language = c++
"""Those who fall asleep and those who wake them, one atomic operation at a time."""

cimport stepped

from lightwork._core.atomics cimport atomic
from lightwork._core.sleep cimport Dormitory, Sleeper, dormitory_is_awake, sleeper_announce, sleeper_rouse, sleeper_wake

cdef enum:
    N_SLEEPERS = 2

cdef Dormitory dormitory
cdef Sleeper sleepers[N_SLEEPERS]
cdef atomic[int] n_posted

ctypedef void (*Program)(void*) noexcept nogil


cdef void nod(void* sleeper) noexcept nogil:
    """Announce one's sleep, think better of it, and announce it again."""
    sleeper_announce(&dormitory, <Sleeper*> sleeper)
    sleeper_rouse(&dormitory, <Sleeper*> sleeper)
    sleeper_announce(&dormitory, <Sleeper*> sleeper)


cdef void nudge(void* sleeper) noexcept nogil:
    """Wake one sleeper, if it is sleepy."""
    sleeper_wake(&dormitory, <Sleeper*> sleeper, -1)


cdef void sleep(void* sleeper) noexcept nogil:
    """Announce one's sleep, look for work again, and cancel or sleep on."""
    sleeper_announce(&dormitory, <Sleeper*> sleeper)
    if n_posted.load() > 0:
        sleeper_rouse(&dormitory, <Sleeper*> sleeper)


cdef void post(void* _) noexcept nogil:
    """Post a piece of work, and wake one if anybody is sleepy."""
    cdef int i
    n_posted.fetch_add(1)
    for i in range(N_SLEEPERS):
        if dormitory_is_awake(&dormitory) or sleeper_wake(&dormitory, &sleepers[i], -1):
            return


cdef atomic[int]* words[N_SLEEPERS + 2]
words[:] = [&dormitory.n_sleepy, &n_posted, &sleepers[0].state, &sleepers[1].state]


cdef Program program_of(str name) except NULL:
    if name == "nod":
        return nod
    if name == "nudge":
        return nudge
    return sleep if name == "sleep" else post


def step(str program, int sleeper, memory, log):
    """
    Do the next step of a program, "nod", "nudge", "sleep" or "post", whose steps so far saw what `log` says.

    Returns the memory, the log, and whether the program is over. The memory: how many are counted as sleepy, how many pieces of
    work were posted, and for each of two sleepers whether it is sleepy.
    """
    cdef int i
    for i in range(N_SLEEPERS + 2):
        stepped.poke(words[i], memory[i])
    stepped.n_log = len(log)
    for i in range(stepped.n_log):
        stepped.log[i] = log[i]
    is_over = stepped.step(program_of(program), &sleepers[sleeper])
    return tuple([stepped.peek(words[i]) for i in range(N_SLEEPERS + 2)]), tuple([stepped.log[i] for i in range(stepped.n_log)]), is_over
