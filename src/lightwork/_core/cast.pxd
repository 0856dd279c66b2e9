"""Casts of numbers that lose nothing, for lines of any stride: what NumPy's reductions do before they add."""

cdef extern from * nogil:
    """
    #include <cstdint>
    #include <cstring>

    typedef void lw_cast(const char* given, Py_ssize_t stride, void* cast, Py_ssize_t count);

    struct lw_bool {
        unsigned char byte;
        template <class To> operator To() const { return byte != 0; }
    };

    struct lw_half {
        uint16_t bits;
        template <class To> operator To() const {
            const uint32_t sign = (uint32_t) (bits & 0x8000) << 16, magnitude = bits & 0x7fff;
            uint32_t single;
            if (magnitude < 0x0400) {  /* zero and subnormal: a number of 2^-24ths, with hidden bit and all a normal float */
                const float small = magnitude * 0x1p-24f;
                std::memcpy(&single, &small, sizeof single);
            }
            else  /* the other exponent's bias; infinities and NaN have the highest exponent of either */
                single = (magnitude << 13) + (magnitude < 0x7c00 ? 0x38000000u : 0x70000000u);
            single |= sign;
            float value;
            std::memcpy(&value, &single, sizeof value);
            return (To) value;
        }
    };

    template <class From, class To>
    static void lw_cast_run(const char* given, Py_ssize_t stride, void* cast, Py_ssize_t count) {
        To* const to = (To*) cast;
        if (stride == (Py_ssize_t) sizeof(From))  /* which compilers make vectors of */
            for (Py_ssize_t i = 0; i < count; i++) to[i] = (To) ((const From*) given)[i];
        else
            for (Py_ssize_t i = 0; i < count; i++) to[i] = (To) *(const From*) (given + i * stride);
    }

    template <class To>
    static lw_cast* lw_cast_to(char from) {
        switch (from) {
            case '?': return lw_cast_run<lw_bool, To>;
            case 'b': return lw_cast_run<signed char, To>;
            case 'B': return lw_cast_run<unsigned char, To>;
            case 'h': return lw_cast_run<short, To>;
            case 'H': return lw_cast_run<unsigned short, To>;
            case 'i': return lw_cast_run<int, To>;
            case 'I': return lw_cast_run<unsigned int, To>;
            case 'l': return lw_cast_run<long, To>;
            case 'L': return lw_cast_run<unsigned long, To>;
            case 'q': return lw_cast_run<long long, To>;
            case 'Q': return lw_cast_run<unsigned long long, To>;
            case 'e': return lw_cast_run<lw_half, To>;
            case 'f': return lw_cast_run<float, To>;
            case 'd': return lw_cast_run<double, To>;
            default: return 0;
        }
    }

    static inline lw_cast* lw_find_cast(char from, char to) {
        switch (to) {
            case 'l': return lw_cast_to<long>(from);
            case 'L': return lw_cast_to<unsigned long>(from);
            case 'q': return lw_cast_to<long long>(from);
            case 'Q': return lw_cast_to<unsigned long long>(from);
            case 'f': return lw_cast_to<float>(from);
            case 'd': return lw_cast_to<double>(from);
            default: return 0;
        }
    }
    """
    ctypedef void Cast "lw_cast"(const char* given, Py_ssize_t stride, void* cast, Py_ssize_t count)
    # By the characters of dtypes; NULL where there is none here. Only to be asked for where NumPy calls the cast safe.
    Cast* find_cast "lw_find_cast"(char given, char wanted)
