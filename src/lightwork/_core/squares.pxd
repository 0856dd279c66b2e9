"""Squared deviations, added in NumPy's order while they are made.

Each step is rounded as in NumPy's own loops: the difference, its square, and the sum in eight lanes over at most 128 numbers, with halves of
more added pairwise. So nothing but the passes through a scratch is saved. Whether the installed NumPy still adds like that is for the user of a
kernel to find out.
"""

from lightwork._core.clones cimport IS_CLONED

cdef extern from * nogil:
    """
    #include <cstddef>

    enum { LW_LANES = 8, LW_BLOCK = 128 };

    template <typename Real, bool leaves_out_nan>
    static inline Real lw_square(Real item, Real centre) {
        const Real deviation = leaves_out_nan && item != item ? Real(0) : item - centre;
        return deviation * deviation;
    }

    template <typename Real, bool leaves_out_nan>
    static inline __attribute__((always_inline)) Real lw_block(const Real* items, std::ptrdiff_t count, Real centre) {
        std::ptrdiff_t i = 0;
        Real sum = Real(-0.0);
        if (count >= LW_LANES) {
            Real lanes[LW_LANES];
            for (int lane = 0; lane < LW_LANES; lane++)
                lanes[lane] = lw_square<Real, leaves_out_nan>(items[lane], centre);
            for (i = LW_LANES; i + LW_LANES <= count; i += LW_LANES)
                for (int lane = 0; lane < LW_LANES; lane++)
                    lanes[lane] += lw_square<Real, leaves_out_nan>(items[i + lane], centre);
            sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
        }
        for (; i < count; i++)
            sum += lw_square<Real, leaves_out_nan>(items[i], centre);
        return sum;
    }

    #define LW_SQUARES(name, Real, leaves_out_nan)                                                                     \
        LW_FOR_EACH_PROCESSOR __attribute__((noinline))                                                                    \
        static Real name##_block(const Real* items, std::ptrdiff_t count, Real centre) {                               \
            return lw_block<Real, leaves_out_nan>(items, count, centre);                                               \
        }                                                                                                              \
        static Real name##_part(const Real* items, std::ptrdiff_t count, Real centre) {                                \
            if (count <= LW_BLOCK)                                                                                     \
                return name##_block(items, count, centre);                                                             \
            const std::ptrdiff_t left = count / 2 - count / 2 % LW_LANES;                                              \
            const Real sum = name##_part(items, left, centre);                                                         \
            return sum + name##_part(items + left, count - left, centre);                                              \
        }                                                                                                              \
        static void name(char* first, std::ptrdiff_t count, char* centre, char* sum) {                                 \
            *(Real*) sum = name##_part((const Real*) first, count, *(const Real*) centre);                             \
        }
    LW_SQUARES(lw_squares_float, float, false)
    LW_SQUARES(lw_squares_double, double, false)
    LW_SQUARES(lw_numbers_float, float, true)
    LW_SQUARES(lw_numbers_double, double, true)
    """
    void squares_of_floats "lw_squares_float"(char*, Py_ssize_t, char*, char*)
    void squares_of_doubles "lw_squares_double"(char*, Py_ssize_t, char*, char*)
    void squares_of_float_numbers "lw_numbers_float"(char*, Py_ssize_t, char*, char*)
    void squares_of_double_numbers "lw_numbers_double"(char*, Py_ssize_t, char*, char*)

# Of items side by side, how many there are, the centre, and where to put the sum.
ctypedef void Squares(char* first, Py_ssize_t count, char* centre, char* sum) noexcept nogil


cdef inline Squares* find_squares(char kind, bint leaves_out_nan) noexcept nogil:
    """The kernel for items of a dtype by its character; NULL if there is none."""
    if kind == c"d":
        return squares_of_double_numbers if leaves_out_nan else squares_of_doubles
    if kind == c"f":
        return squares_of_float_numbers if leaves_out_nan else squares_of_floats
    return NULL
