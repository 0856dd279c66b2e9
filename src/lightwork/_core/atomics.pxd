"""What Cython cannot say of a machine: a spin hint, cache-line-aligned memory and two clocks."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp.atomic cimport (
    atomic,
    memory_order_acq_rel,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    memory_order_seq_cst,
)

cdef extern from * nogil:
    """
    #include <atomic>
    #include <chrono>
    #include <cstdint>
    #include <cstdlib>
    #include <new>
    #include <time.h>

    /* Two neighbours' words on one line would bounce between their cores. */
    enum { LW_CACHE_LINE = 64 };

    static inline void lw_spin_hint() {
    #if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
    #elif defined(__aarch64__)
        __asm__ __volatile__("yield" ::: "memory");
    #endif
    }

    static inline int64_t lw_now() {
        using namespace std::chrono;
        return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
    }

    /* A few nanoseconds where lw_now() takes tens; its step is that of the kernel's tick (1 to 10 ms). */
    static inline int64_t lw_now_coarse() {
    #ifdef CLOCK_MONOTONIC_COARSE
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    #else
        return lw_now();
    #endif
    }

    static inline void lw_sleep(int64_t nanoseconds) {
        struct timespec time = {0, (long)nanoseconds};
        nanosleep(&time, NULL);
    }

    /* Value-initialised, every element on lines of its own when sizeof(T) is a multiple of a line.
       Fields of a Cython class cannot be over-aligned, so such arrays always live behind a pointer. */
    template <class T> static inline T* lw_new_array(size_t n) {
        if (n > SIZE_MAX / 2 / sizeof(T)) return nullptr;
        size_t bytes = (n * sizeof(T) + LW_CACHE_LINE - 1) / LW_CACHE_LINE * LW_CACHE_LINE;
        void* memory = nullptr;
        if (posix_memalign(&memory, LW_CACHE_LINE, bytes ? bytes : LW_CACHE_LINE) != 0) return nullptr;
        T* array = static_cast<T*>(memory);
        for (size_t i = 0; i < n; i++) new (array + i) T();
        return array;
    }

    template <class T> static inline void lw_delete_array(T* array, size_t n) {
        if (array == nullptr) return;
        for (size_t i = 0; i < n; i++) array[i].~T();
        std::free(array);
    }
    """
    enum: CACHE_LINE "LW_CACHE_LINE"
    void spin_hint "lw_spin_hint"()
    int64_t now_ns "lw_now"()
    int64_t coarse_now_ns "lw_now_coarse"()
    void sleep_ns "lw_sleep"(int64_t nanoseconds)  # of less than a second
    T* new_array "lw_new_array"[T](size_t n)
    void delete_array "lw_delete_array"[T](T* array, size_t n)
