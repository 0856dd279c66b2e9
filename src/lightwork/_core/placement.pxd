"""Where a woken thread comes to run: on another CPU than its waker's, if there is one.

Some schedulers put a woken thread on its waker's CPU, expecting the waker to sleep soon; virtual machines that pack their
load on few CPUs do so for milliseconds. The waker here goes on working, so its helper would wait behind it: measured on such a
machine, sharing 1 ms of work with a parked helper took 1.05 ms without placement and 0.54 ms with it. The waker takes its own CPU
out of the sleeper's mask before it wakes it, and the sleeper, once it runs, puts the mask back; nothing stays pinned. Where
the system has no such calls nothing happens.
"""

cdef extern from * nogil:
    """
    #ifdef __linux__
    #include <sched.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    struct lw_place {
        pid_t thread;
        cpu_set_t allowed;
        bool is_moved;
    };

    static inline int lw_cpu() { return sched_getcpu(); }

    static inline void lw_place_init(lw_place* place) {
        place->thread = (pid_t)syscall(SYS_gettid);
        place->is_moved = false;
    }

    static inline void lw_place_away(lw_place* place, int cpu) {
        cpu_set_t others;
        if (cpu < 0 || cpu >= CPU_SETSIZE || place->is_moved) return;
        if (sched_getaffinity(place->thread, sizeof place->allowed, &place->allowed) != 0) return;
        others = place->allowed;
        CPU_CLR(cpu, &others);
        place->is_moved = CPU_COUNT(&others) > 0 && sched_setaffinity(place->thread, sizeof others, &others) == 0;
    }

    static inline void lw_place_back(lw_place* place) {
        if (place->is_moved) sched_setaffinity(place->thread, sizeof place->allowed, &place->allowed);
        place->is_moved = false;
    }
    #else
    struct lw_place {
        char nothing;
    };
    static inline int lw_cpu() { return -1; }
    static inline void lw_place_init(lw_place*) {}
    static inline void lw_place_away(lw_place*, int) {}
    static inline void lw_place_back(lw_place*) {}
    #endif
    """
    ctypedef struct Place "lw_place":
        pass
    int current_cpu "lw_cpu"()
    # By the thread itself, before all else.
    void place_init "lw_place_init"(Place* place)
    # By its waker while it sleeps, or by itself: move it off `cpu`,
    void place_away "lw_place_away"(Place* place, int cpu)
    # and by itself: allow all it was allowed before.
    void place_back "lw_place_back"(Place* place)
