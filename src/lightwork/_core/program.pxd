"""A program: the steps of a fused function."""

from lightwork._core.atomics cimport atomic, int64_t
from lightwork._core.loop cimport AuxData, StridedLoop, npy_intp

cdef enum:
    LINE = 64              # bytes of a cache line, at which temporaries begin

# One loop over a block.
cdef struct Step:
    StridedLoop* function
    void* context
    AuxData* auxdata
    int n_operands
    int first              # of its operands' slots, in Code.slots
    int cast               # -1, or which one it is of those of the program; then `function` copies
    npy_intp itemsize      # of its first operand
    bint clears_flags      # whether floating-point flags that were raised before it may be gone after it

# What all workers share: where operands are found, and the steps. A slot is an operand of the call, a constant or a temporary.
cdef struct Code:
    Step* steps
    int n_steps
    int* slots
    int n_inputs
    int n_operands         # these and the outputs
    int n_constants
    int n_temporaries      # the last is where a cast's items are laid side by side
    int n_slots            # all of these together
    int n_casts
    npy_intp* itemsizes    # of the temporaries
    npy_intp block         # items
    npy_intp table         # bytes for all slots' addresses and strides,
    npy_intp scratch       # and for the temporaries behind them
    char* zeros            # a block that every cast can read

cdef class Program:
    cdef readonly object recipe      # what it computes, and
    cdef readonly object plan        # how, as lowering.py has them
    cdef readonly tuple inputs       # the values that it reads, by their numbers in the recipe, in order
    cdef readonly tuple outputs      # and those that it leaves behind
    cdef Code code
    cdef list casts
    cdef bint may_raise
    cdef bint writes_last            # whether the only output is written by the last step, when all inputs have been read
    cdef atomic[int64_t] cost        # as a Loop's

cdef inline npy_intp rounded_up(npy_intp n, npy_intp multiple) noexcept nogil:
    return (n + multiple - 1) // multiple * multiple


cdef void* allocate(size_t n_items, size_t itemsize) except NULL  # zeros, to be freed
cdef Program compile_program(object recipe)
