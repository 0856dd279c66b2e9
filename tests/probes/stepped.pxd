"""Atomics that do one operation at a time: cimport this, and the core's inline functions are compiled with them.

A program is a function that does atomic operations. It is run from its beginning for each step: what it did before is answered out
of a log, one operation is done, and where the next would come it is left. So all orders of the steps of several programs can be
tried, on a single thread. What else a program does must bear being done again.
"""

from libcpp.atomic cimport atomic

cdef extern from * nogil:
    """
    #include <atomic>
    #include <cerrno>
    #include <chrono>
    #include <cstdint>
    #include <cstdlib>
    #include <new>
    #include <pthread.h>
    #include <sched.h>
    #include <time.h>

    enum { STEPPED_MOST = 64 };

    struct stepped_pause {};
    static int stepped_log[STEPPED_MOST], stepped_length, stepped_at;
    static bool stepped_has_acted;

    namespace std {
    template <class T> class stepped {
        T value_{};

        template <class Operation> T act(Operation operation) {
            if (stepped_at < stepped_length) return T(stepped_log[stepped_at++]);
            if (stepped_has_acted || stepped_length == STEPPED_MOST) throw stepped_pause();
            stepped_has_acted = true;
            stepped_at = stepped_length + 1;
            return T(stepped_log[stepped_length++] = int(operation()));
        }

    public:
        T& bare() { return value_; }
        T load(memory_order = memory_order_seq_cst) { return act([&] { return value_; }); }
        void store(T next, memory_order = memory_order_seq_cst) { act([&] { return value_ = next; }); }
        T fetch_add(T more, memory_order = memory_order_seq_cst) { return act([&] { return (value_ += more) - more; }); }
        T fetch_sub(T less, memory_order = memory_order_seq_cst) { return act([&] { return (value_ -= less) + less; }); }
        bool compare_exchange_strong(T& expected, T next, memory_order, memory_order) {
            T seen = act([&] { T now = value_; if (now == expected) value_ = next; return now; });
            bool is_done = seen == expected;
            expected = seen;
            return is_done;
        }
    };
    }
    #define atomic stepped
    #define sched_getcpu() (-1) /* waking somebody moves nobody */

    template <class Atomic> static int stepped_peek(Atomic* word) { return word->bare(); }
    template <class Atomic> static void stepped_poke(Atomic* word, int value) { word->bare() = value; }

    /* Do the program's next step; true if it was its last. */
    static bool stepped_step(void (*program)(void*), void* argument) {
        stepped_at = 0;
        stepped_has_acted = false;
        try {
            program(argument);
        } catch (const stepped_pause&) {
            return false;
        }
        return true;
    }
    """
    int* log "stepped_log"
    int n_log "stepped_length"
    # The memory, from outside of any program:
    int peek "stepped_peek"(atomic[int]*)
    void poke "stepped_poke"(atomic[int]*, int)
    bint step "stepped_step"(void (*program)(void*) noexcept nogil, void* argument)
