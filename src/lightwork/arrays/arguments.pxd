"""Arguments of elementwise functions, as they are given and as they are computed with."""

cdef list plain_operands(tuple arrays)
cdef list plain_outputs(object out, int nout)
cdef Py_ssize_t broadcast_size(list operands, list outputs)
cdef object pack(list filled, object out)
