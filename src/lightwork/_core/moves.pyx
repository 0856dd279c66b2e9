"""Loops that move items and compute nothing: NumPy copies and selects in functions that are no ufuncs."""

import numpy as np

from lightwork._core.cache cimport Cache
from lightwork._core.loop cimport Loop, StridedLoop

cdef extern from * nogil:
    """
    #include <cstdint>
    #include <cstring>
    #include <type_traits>

    /* The longest that items of N bytes are made of. */
    template <int N>
    using lw_word = std::conditional_t<N % 8 == 0, uint64_t, std::conditional_t<N % 4 == 0, uint32_t, std::conditional_t<N == 2, uint16_t, uint8_t>>>;

    /* An item is N bytes, whatever they mean. */
    template <int N> struct lw_move {
        static int copy(void*, char* const* data, const Py_ssize_t* dimensions, const Py_ssize_t* strides, NpyAuxData_tag*) {
            if (strides[0] == N && strides[1] == N) {
                std::memmove(data[1], data[0], dimensions[0] * N);
                return 0;
            }
            for (Py_ssize_t i = 0; i < dimensions[0]; i++) move(data[1] + i * strides[1], data[0] + i * strides[0]);
            return 0;
        }

        static int select(void*, char* const* data, const Py_ssize_t* dimensions, const Py_ssize_t* strides, NpyAuxData_tag*) {
            const bool in_rows = strides[0] == 1 && strides[3] == N;
            const bool yes_is_one = strides[1] == 0, no_is_one = strides[2] == 0;
            if (in_rows && (yes_is_one || strides[1] == N) && (no_is_one || strides[2] == N)) {
                auto run = yes_is_one ? (no_is_one ? select_rows<0, 0> : select_rows<0, N>) : (no_is_one ? select_rows<N, 0> : select_rows<N, N>);
                run(data, dimensions[0]);
                return 0;
            }
            for (Py_ssize_t i = 0; i < dimensions[0]; i++)
                select_one(data[3] + i * strides[3], data[0][i * strides[0]], data[1] + i * strides[1], data[2] + i * strides[2]);
            return 0;
        }

        /* Strides that are known are what compilers make vectors of. */
        template <int Yes, int No> static void select_rows(char* const* data, Py_ssize_t n) {
            for (Py_ssize_t i = 0; i < n; i++) select_one(data[3] + i * N, data[0][i], data[1] + i * Yes, data[2] + i * No);
        }

        /* By masks, since a branch on what cannot be foreseen costs as much as ten items. */
        static inline void select_one(char* to, char condition, const char* yes, const char* no) {
            const lw_word<N> mask = condition ? (lw_word<N>) -1 : (lw_word<N>) 0;
            lw_word<N> one[N / sizeof mask], other[N / sizeof mask];
            std::memcpy(one, yes, N);
            std::memcpy(other, no, N);
            for (std::size_t k = 0; k < N / sizeof mask; k++) one[k] = (one[k] & mask) | (other[k] & ~mask);
            std::memcpy(to, one, N);
        }

        /* One of the two halves of a complex number of 2 N bytes. */
        template <int Half>
        static int part(void*, char* const* data, const Py_ssize_t* dimensions, const Py_ssize_t* strides, NpyAuxData_tag*) {
            for (Py_ssize_t i = 0; i < dimensions[0]; i++) move(data[1] + i * strides[1], data[0] + i * strides[0] + Half * N);
            return 0;
        }

        static inline void move(char* to, const char* from) {
            char item[N]; /* so that the two may be the same place */
            std::memcpy(item, from, N);
            std::memcpy(to, item, N);
        }
    };

    enum lw_movement { LW_COPY, LW_SELECT, LW_REAL, LW_IMAG };

    template <int N> static inline lw_strided_loop* lw_pick_move(int movement) {
        switch (movement) {
            case LW_SELECT: return lw_move<N>::select;
            case LW_REAL: return lw_move<N>::template part<0>;
            case LW_IMAG: return lw_move<N>::template part<1>;
            default: return lw_move<N>::copy;
        }
    }

    /* nullptr for a size that no number has. */
    static lw_strided_loop* lw_mover(Py_ssize_t itemsize, int movement) {
        switch (itemsize) {
            case 1: return lw_pick_move<1>(movement);
            case 2: return lw_pick_move<2>(movement);
            case 4: return lw_pick_move<4>(movement);
            case 8: return lw_pick_move<8>(movement);
            case 12: return lw_pick_move<12>(movement);
            case 16: return lw_pick_move<16>(movement);
            case 24: return lw_pick_move<24>(movement);
            case 32: return lw_pick_move<32>(movement);
            default: return nullptr;
        }
    }
    """
    enum:
        COPY "LW_COPY"
        SELECT "LW_SELECT"
        REAL "LW_REAL"
        IMAG "LW_IMAG"
    StridedLoop* pick_mover "lw_mover"(Py_ssize_t itemsize, int movement)

cdef object boolean = np.dtype(np.bool_)
cdef dict halves = {np.dtype(whole): np.dtype(half) for whole, half in (("F", "f"), ("D", "d"), ("G", "g"))}

# By movement and dtype.
cdef Cache known_loops = Cache.__new__(Cache)


cdef Loop new_loop(object fn, tuple dtypes, int movement):
    cdef Loop loop = Loop.__new__(Loop)
    loop.fn = fn
    loop.dtypes = dtypes
    loop.nin = len(dtypes) - 1
    loop.nout = 1
    loop.name = fn.__name__
    loop.function = pick_mover(dtypes[loop.nin].itemsize, movement)
    return None if loop.function == NULL else loop


cdef Loop find_loop(object fn, object dtype, tuple dtypes, int movement):
    cdef tuple key = (movement, dtype, dtype.num)  # C's long and long long are equal dtypes
    found = known_loops.get(key)
    return known_loops.keep(key, new_loop(fn, dtypes, movement)) if found is ... else found


cdef Loop copy_loop(object dtype):
    """The loop that copies items of a native dtype; None where items have another size than numbers."""
    return find_loop(np.copy, dtype, (dtype, dtype), COPY)


cdef Loop select_loop(object dtype):
    """The loop of ``np.where(condition, x, y)`` for x and y of a native dtype; None as above."""
    return find_loop(np.where, dtype, (boolean, dtype, dtype, dtype), SELECT)


cdef Loop part_loop(object dtype, bint is_imaginary):
    """The loop that takes the real or imaginary parts out of complex numbers of a native dtype."""
    half = halves[dtype]
    return find_loop(np.imag if is_imaginary else np.real, dtype, (dtype, half), IMAG if is_imaginary else REAL)
