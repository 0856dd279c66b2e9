"""``LW_FOR_EACH_PROCESSOR`` before a C function: the same for newer processors, too, of which the loader takes the best.

Whoever writes such functions cimports `IS_CLONED`, and has the macro. ThreadSanitizer cannot be there as early as the loader chooses.
"""

cdef extern from * nogil:
    """
    #if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_THREAD__) && (!defined(__clang__) || __clang_major__ >= 14)
    #define LW_FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
    enum { LW_IS_CLONED = 1 };
    #else
    #define LW_FOR_EACH_PROCESSOR
    enum { LW_IS_CLONED = 0 };
    #endif
    """
    const bint IS_CLONED "LW_IS_CLONED"
