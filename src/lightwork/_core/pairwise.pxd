"""NumPy's summation tree, cut at its own joints.

NumPy adds a line of numbers pairwise: over more than 128 it splits at half, rounded down to a multiple of 8, and adds the sums of both
parts (a complex item is two numbers). So all nodes at one depth are cut off as leaves, each is left to NumPy's own ``add`` loop, and
their sums are joined as the tree does it. Where the cuts are depends on the length of the line alone.
"""

from lightwork._core.loop cimport BoundLoop, bound_call, npy_intp

cdef enum:
    ALIGNED_NUMBERS = 8     # NumPy adds in eight lanes; a left part is a multiple of that
    SMALLEST_SPLIT = 129    # numbers; fewer are one leaf of NumPy's own

cdef struct Tree:
    Py_ssize_t n_items
    int numbers             # in an item: 2 if it is complex, else 1
    int depth               # of the leaves, of which there are 2 ** depth


cdef inline Py_ssize_t left_items(Py_ssize_t n_items, int numbers) noexcept nogil:
    cdef Py_ssize_t half = n_items * numbers // 2
    return (half - half % ALIGNED_NUMBERS) // numbers


cdef inline Tree tree_cut(Py_ssize_t n_items, int numbers, Py_ssize_t max_leaf) noexcept nogil:
    """The tree with the fewest leaves of at most `max_leaf` items, which is more than 128."""
    cdef Tree tree
    cdef Py_ssize_t longest = n_items  # right parts are the longer ones
    tree.n_items = n_items
    tree.numbers = numbers
    tree.depth = 0
    while longest > max_leaf:
        longest -= left_items(longest, numbers)
        tree.depth += 1
    return tree


cdef inline Py_ssize_t tree_n_leaves(const Tree* tree) noexcept nogil:
    return (<Py_ssize_t> 1) << tree.depth


cdef inline void tree_leaf(const Tree* tree, Py_ssize_t leaf, Py_ssize_t* start, Py_ssize_t* stop) noexcept nogil:
    """The items of a leaf: the bits of its index, highest first, are the way down."""
    cdef Py_ssize_t n_items = tree.n_items
    cdef Py_ssize_t left
    cdef int level
    start[0] = 0
    for level in range(tree.depth - 1, -1, -1):
        left = left_items(n_items, tree.numbers)
        if leaf >> level & 1:
            start[0] += left
            n_items -= left
        else:
            n_items = left
    stop[0] = start[0] + n_items


cdef inline int tree_join(const Tree* tree, BoundLoop* add, char* sums, npy_intp itemsize) noexcept nogil:
    """Add up the leaves' sums in place, level by level; the whole is left in the first."""
    cdef Py_ssize_t count = tree_n_leaves(tree)
    cdef npy_intp apart = itemsize
    cdef npy_intp strides[3]
    cdef char* data[3]
    while count > 1:
        count //= 2
        data[0] = data[2] = sums
        data[1] = sums + apart
        apart *= 2
        strides[0] = strides[1] = strides[2] = apart
        if bound_call(add, data, count, strides):
            return 1
    return 0
