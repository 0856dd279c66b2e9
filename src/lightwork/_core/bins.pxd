"""Counting integers, and reals by bins of one width: vectors of what is to be counted, and additions meanwhile.

Integers are bins. Of reals they are estimated: an estimate is an integer, of units that are a power of two to a bin, and what is so near an
edge that it may be wrong is in doubt. Few bins are counted by pairs of items, a cell for each pair of bins, which are half as many additions.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lightwork._core.atomics cimport CACHE_LINE  # no-cython-lint: for its macro
from lightwork._core.clones cimport IS_CLONED  # no-cython-lint: for its macro
from lightwork._core.loop cimport npy_intp

cdef extern from * nogil:
    """
    #include <cstddef>
    #include <cstdint>
    #include <cstring>

    enum {
        LW_GROUP = 64,     /* items that are estimated while those of another group are counted */
        LW_AHEAD = 16384,  /* bytes, by which items are fetched before they are wanted; into the second cache, which has room for them */
        LW_MOST_FOR_TABLES = 1024,  /* bins, several tables of which stay near */
        LW_TABLES = 4      /* of counts, which items take in turn: neighbours are often in one bin, and an addition waits for the one before it */
    };

    struct LwScale {
        double lowest, highest;   /* the outer edges */
        double steepness;         /* units for each 1.0 */
        std::uint64_t outside;    /* units to the middle of one more bin, where all is counted that is outside */
        std::uint32_t shift;      /* a bin has 2^shift units */
        std::uint32_t mask;       /* of the units in one */
        std::uint32_t margin;     /* units, in which an estimate may be wrong */
        std::uint32_t n_cells;    /* of single items: bins, and that one */
        std::uint32_t in_doubt;   /* the cell of what is in doubt, behind all others */
    };

    /* Adding 2^52 + 2^51 rounds to the nearest integer, which then is how far the bits are from that number's. Of what is less, infinite or NaN
       they are farther than of any bin: compared as integers, which compilers have vectors for, as they have not for reals that may be NaN. */
    template <typename Real>
    static inline __attribute__((always_inline)) std::uint32_t lw_units(Real item, const LwScale& scale) {
        const double x = (item - scale.lowest) * scale.steepness + 6755399441055744.0;
        std::uint64_t bits;
        std::memcpy(&bits, &x, sizeof bits);
        bits -= 0x4338000000000000; /* that number's */
        return (std::uint32_t) (bits < scale.outside ? bits : scale.outside);
    }

    /* What is no bin is in doubt, whose cell is the one behind them. */
    static inline __attribute__((always_inline)) void lw_find(const std::int64_t* items, std::uint32_t* cells, const LwScale& scale) {
        for (int i = 0; i < LW_GROUP; i++) {
            const std::uint64_t item = (std::uint64_t) items[i];
            cells[i] = (std::uint32_t) (item < scale.in_doubt ? item : scale.in_doubt);
        }
    }

    /* Cells of single items are their bins. */
    template <typename Real>
    static inline __attribute__((always_inline)) void lw_find(const Real* items, std::uint32_t* cells, const LwScale& scale) {
        for (int i = 0; i < LW_GROUP; i++) {
            const std::uint32_t units = lw_units(items[i], scale);
            const bool is_doubtful = ((units + scale.margin) & scale.mask) < 2 * scale.margin;
            cells[i] = is_doubtful ? scale.in_doubt : units >> scale.shift;
        }
    }

    /* Cells of pairs are in a row for the bin of an item, and there in the column of that half a group behind it. */
    template <typename Real>
    static inline __attribute__((always_inline)) void lw_find(const Real* items, std::uint16_t* cells, const LwScale& scale) {
        alignas(LW_CACHE_LINE) std::uint32_t bins[LW_GROUP];
        lw_find(items, bins, scale);
        for (int i = 0; i < LW_GROUP / 2; i++) {
            const std::uint32_t cell = bins[i] * scale.n_cells + bins[i + LW_GROUP / 2];
            cells[i] = (std::uint16_t) (cell < scale.in_doubt ? cell : scale.in_doubt);
        }
    }

    static inline __attribute__((always_inline)) void lw_count(const std::uint32_t* cells, std::ptrdiff_t* counts, std::ptrdiff_t next_table) {
        for (int i = 0; i < LW_GROUP; i += LW_TABLES)
            for (int table = 0; table < LW_TABLES; table++)
                counts[table * next_table + cells[i + table]]++;
    }

    static inline __attribute__((always_inline)) void lw_count(const std::uint16_t* cells, std::uint16_t* counts, std::ptrdiff_t) {
        for (int i = 0; i < LW_GROUP / 2; i++)
            counts[cells[i]]++;
    }

    /* Groups are counted from the last one on: so items are read first that a pass through them all has just left in the caches. */
    #define LW_COUNT_GROUPS(count, Item, Cell, Count)                                                                  \
        LW_FOR_EACH_PROCESSOR __attribute__((noinline, aligned(LW_CACHE_LINE)))                                        \
        static void count(const char* first, int n_groups, std::ptrdiff_t ahead, const LwScale* given, void* counts,   \
                          std::ptrdiff_t next_table) {                                                                 \
            const Item* items = (const Item*) first + (n_groups - 1) * LW_GROUP;                                       \
            const LwScale scale = *given;                                                                              \
            alignas(LW_CACHE_LINE) Cell cells[2][LW_GROUP];                                                            \
            lw_find(items, cells[0], scale);                                                                           \
            for (int group = 0; group < n_groups; group++) {                                                           \
                for (int i = 0; i < LW_GROUP; i += LW_CACHE_LINE / sizeof(Item))                                       \
                    __builtin_prefetch((const char*) (items + i) - ahead, 0, 2);                                       \
                items -= group + 1 < n_groups ? LW_GROUP : 0; /* found once more than needed, which is less than a branch */ \
                lw_find(items, cells[(group + 1) % 2], scale);                                                         \
                lw_count(cells[group % 2], (Count*) counts, next_table);                                               \
            }                                                                                                          \
        }
    LW_COUNT_GROUPS(lw_count_integers, std::int64_t, std::uint32_t, std::ptrdiff_t)
    LW_COUNT_GROUPS(lw_count_floats, float, std::uint32_t, std::ptrdiff_t)
    LW_COUNT_GROUPS(lw_count_doubles, double, std::uint32_t, std::ptrdiff_t)
    LW_COUNT_GROUPS(lw_count_float_pairs, float, std::uint16_t, std::uint16_t)
    LW_COUNT_GROUPS(lw_count_double_pairs, double, std::uint16_t, std::uint16_t)

    /* Tell which items of a group were not counted, and whether any was not. */
    #define LW_FIND_DOUBTS(find_doubts, Real, Cell)                                                                    \
        LW_FOR_EACH_PROCESSOR __attribute__((noinline))                                                                \
        static int find_doubts(const char* first, const LwScale* given, std::uint8_t* doubts) {                       \
            const LwScale scale = *given;                                                                              \
            alignas(LW_CACHE_LINE) Cell cells[LW_GROUP];                                                               \
            const int n_pairs = sizeof(Cell) == sizeof(std::uint16_t) ? LW_GROUP / 2 : 0;                              \
            std::uint8_t any = 0;                                                                                      \
            lw_find((const Real*) first, cells, scale);                                                                \
            for (int i = 0; i < LW_GROUP - n_pairs; i++) {                                                             \
                doubts[i] = cells[i] == scale.in_doubt;                                                                \
                any |= doubts[i];                                                                                      \
            }                                                                                                          \
            std::memcpy(doubts + LW_GROUP - n_pairs, doubts, n_pairs); /* of a pair in doubt neither was counted */    \
            return any;                                                                                                \
        }
    LW_FIND_DOUBTS(lw_doubts_of_floats, float, std::uint32_t)
    LW_FIND_DOUBTS(lw_doubts_of_doubles, double, std::uint32_t)
    LW_FIND_DOUBTS(lw_doubts_of_float_pairs, float, std::uint16_t)
    LW_FIND_DOUBTS(lw_doubts_of_double_pairs, double, std::uint16_t)

    /* Add what stands in the cells of pairs to the counts of single items, and clear them. */
    LW_FOR_EACH_PROCESSOR __attribute__((noinline))
    static void lw_add_pairs(std::uint16_t* cells, std::ptrdiff_t n_cells, std::ptrdiff_t* counts) {
        for (std::ptrdiff_t row = 0; row < n_cells; row++) {
            const std::uint16_t* const pairs = cells + row * n_cells;
            std::ptrdiff_t sum = 0;
            for (std::ptrdiff_t column = 0; column < n_cells; column++) {
                sum += pairs[column];
                counts[column] += pairs[column];
            }
            counts[row] += sum;
        }
        std::memset(cells, 0, (n_cells * n_cells + 1) * sizeof *cells);
    }
    """
    enum:
        GROUP "LW_GROUP"
        TABLES "LW_TABLES"
        MOST_FOR_TABLES "LW_MOST_FOR_TABLES"
        AHEAD "LW_AHEAD"

    ctypedef struct Scale "LwScale":
        double lowest
        double highest
        double steepness
        uint64_t outside
        uint32_t shift
        uint32_t mask
        uint32_t margin
        uint32_t n_cells
        uint32_t in_doubt

    void count_integers "lw_count_integers"(const char*, int, Py_ssize_t, const Scale*, void*, Py_ssize_t)
    void count_floats "lw_count_floats"(const char*, int, Py_ssize_t, const Scale*, void*, Py_ssize_t)
    void count_doubles "lw_count_doubles"(const char*, int, Py_ssize_t, const Scale*, void*, Py_ssize_t)
    void count_float_pairs "lw_count_float_pairs"(const char*, int, Py_ssize_t, const Scale*, void*, Py_ssize_t)
    void count_double_pairs "lw_count_double_pairs"(const char*, int, Py_ssize_t, const Scale*, void*, Py_ssize_t)
    bint doubts_of_floats "lw_doubts_of_floats"(const char*, const Scale*, uint8_t*)
    bint doubts_of_doubles "lw_doubts_of_doubles"(const char*, const Scale*, uint8_t*)
    bint doubts_of_float_pairs "lw_doubts_of_float_pairs"(const char*, const Scale*, uint8_t*)
    bint doubts_of_double_pairs "lw_doubts_of_double_pairs"(const char*, const Scale*, uint8_t*)
    void add_pairs "lw_add_pairs"(uint16_t* cells, Py_ssize_t n_cells, npy_intp* counts)

# Count groups that stand side by side, into a worker's tables or its cells of pairs. Items that stand so many bytes ahead, which is before them,
# will be wanted next.
ctypedef void CountGroups(const char* first, int n_groups, Py_ssize_t ahead, const Scale*, void* counts, Py_ssize_t next_table) noexcept nogil

# Tell which items of a group were not counted but are in doubt, and whether any is.
ctypedef bint FindDoubts(const char* first, const Scale*, uint8_t* doubts) noexcept nogil
