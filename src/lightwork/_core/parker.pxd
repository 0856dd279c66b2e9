"""Where a thread sleeps: one token, a lock and a condition. Unparking before parking is not lost, the token waits.

POSIX threads rather than `std::condition_variable`: a wait for a bounded time must follow the monotonic clock by a call that ThreadSanitizer knows.
"""

from lightwork._core.atomics cimport int64_t

cdef extern from * nogil:
    """
    #include <cerrno>
    #include <cstdint>
    #include <pthread.h>
    #include <time.h>

    class lw_parker {
        pthread_mutex_t lock_;
        pthread_cond_t changed_;
        bool token_ = false;

        bool take_token() {
            bool taken = token_;
            token_ = false;
            return taken;
        }

        void wait_until(const struct timespec& deadline, int64_t timeout) {
    #ifdef __APPLE__
            struct timespec left = {(time_t)(timeout / 1000000000), (long)(timeout % 1000000000)};
            pthread_cond_timedwait_relative_np(&changed_, &lock_, &left);
            (void)deadline;
    #else
            pthread_cond_timedwait(&changed_, &lock_, &deadline);
            (void)timeout;
    #endif
        }

    public:
        lw_parker() {
            pthread_condattr_t monotonic;
            pthread_condattr_init(&monotonic);
    #ifndef __APPLE__
            pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    #endif
            pthread_cond_init(&changed_, &monotonic);
            pthread_condattr_destroy(&monotonic);
            pthread_mutex_init(&lock_, nullptr);
        }

        ~lw_parker() {
            pthread_cond_destroy(&changed_);
            pthread_mutex_destroy(&lock_);
        }

        lw_parker(const lw_parker&) = delete;

        bool park(int64_t timeout) {
            pthread_mutex_lock(&lock_);
            if (timeout < 0) {
                while (!token_) pthread_cond_wait(&changed_, &lock_);
            } else if (!token_) {
                struct timespec deadline;
                clock_gettime(CLOCK_MONOTONIC, &deadline);
                int64_t nanoseconds = deadline.tv_nsec + timeout;
                deadline.tv_sec += nanoseconds / 1000000000;
                deadline.tv_nsec = nanoseconds % 1000000000;
                wait_until(deadline, timeout);
            }
            bool woken = take_token();
            pthread_mutex_unlock(&lock_);
            return woken;
        }

        void unpark() {
            pthread_mutex_lock(&lock_);
            token_ = true;
            pthread_cond_signal(&changed_);
            pthread_mutex_unlock(&lock_);
        }
    };
    """
    cdef cppclass Parker "lw_parker":
        # Sleep until there is a token and take it. With `timeout` (nanoseconds, negative: none) also return without
        # one, False, when the time is over or for no reason.
        bint park(int64_t timeout)
        # Leave a token, and wake the thread that sleeps here.
        void unpark()
