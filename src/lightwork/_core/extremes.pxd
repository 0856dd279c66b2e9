"""The smallest and the largest of items side by side, in one pass. None may be NaN: so both are the same in any order, but for a zero's sign."""

from lightwork._core.clones cimport IS_CLONED  # no-cython-lint: for its macro

cdef extern from * nogil:
    """
    #include <cstddef>
    #include <cstdint>

    template <typename Integer>
    static inline __attribute__((always_inline)) int lw_extremes(const Integer* items, std::ptrdiff_t count, Integer* smallest, Integer* largest) {
        Integer low = items[0], high = items[0];
        for (std::ptrdiff_t i = 1; i < count; i++) {
            low = items[i] < low ? items[i] : low;
            high = items[i] > high ? items[i] : high;
        }
        *smallest = low;
        *largest = high;
        return 1;
    }

    /* Compilers leave the order of comparisons of floating-point numbers as it is, but for lanes that are apart. Flag is an integer as wide as
       a number, so that a vector has as many of both. */
    template <typename Real, typename Flag>
    static inline __attribute__((always_inline)) int lw_extremes_of_reals(const Real* items, std::ptrdiff_t count, Real* smallest, Real* largest) {
        enum { LANES = 128 / sizeof(Real) };  /* so many that nobody waits for the comparison before */
        Real low[LANES], high[LANES];
        Flag is_nan[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            low[lane] = high[lane] = items[0];
            is_nan[lane] = items[0] != items[0];
        }
        std::ptrdiff_t i = 0;
        for (; i + LANES <= count; i += LANES)
            for (int lane = 0; lane < LANES; lane++) {
                const Real item = items[i + lane];
                low[lane] = item < low[lane] ? item : low[lane];
                high[lane] = item > high[lane] ? item : high[lane];
                is_nan[lane] |= item != item ? Flag(1) : Flag(0);
            }
        for (; i < count; i++) {
            low[0] = items[i] < low[0] ? items[i] : low[0];
            high[0] = items[i] > high[0] ? items[i] : high[0];
            is_nan[0] |= items[i] != items[i];
        }
        for (int lane = 1; lane < LANES; lane++) {
            low[0] = low[lane] < low[0] ? low[lane] : low[0];
            high[0] = high[lane] > high[0] ? high[lane] : high[0];
            is_nan[0] |= is_nan[lane];
        }
        *smallest = low[0];
        *largest = high[0];
        return !is_nan[0];
    }

    #define LW_EXTREMES(name, Item, find)                                                                              \
        LW_FOR_EACH_PROCESSOR __attribute__((noinline))                                                                \
        static int name(const char* items, std::ptrdiff_t count, char* smallest, char* largest) {                      \
            return find((const Item*) items, count, (Item*) smallest, (Item*) largest);                                \
        }
    LW_EXTREMES(lw_extremes_of_floats, float, (lw_extremes_of_reals<float, std::int32_t>))
    LW_EXTREMES(lw_extremes_of_doubles, double, (lw_extremes_of_reals<double, std::int64_t>))
    LW_EXTREMES(lw_extremes_of_integers, std::int32_t, lw_extremes)
    LW_EXTREMES(lw_extremes_of_long_integers, std::int64_t, lw_extremes)
    """
    bint extremes_of_floats "lw_extremes_of_floats"(const char*, Py_ssize_t, char*, char*)
    bint extremes_of_doubles "lw_extremes_of_doubles"(const char*, Py_ssize_t, char*, char*)
    bint extremes_of_integers "lw_extremes_of_integers"(const char*, Py_ssize_t, char*, char*)
    bint extremes_of_long_integers "lw_extremes_of_long_integers"(const char*, Py_ssize_t, char*, char*)

# Of at least one item. False if there is a NaN, and then nothing is found.
ctypedef bint Extremes(const char* items, Py_ssize_t count, char* smallest, char* largest) noexcept nogil


cdef inline Extremes* find_extremes(char kind, Py_ssize_t itemsize) noexcept nogil:
    """The kernel for items of a dtype, by its kind and size; NULL if there is none."""
    if kind == c"f" and itemsize == 8:
        return extremes_of_doubles
    if kind == c"f" and itemsize == 4:
        return extremes_of_floats
    if kind == c"i" and itemsize == 8:
        return extremes_of_long_integers
    if kind == c"i" and itemsize == 4:
        return extremes_of_integers
    return NULL
