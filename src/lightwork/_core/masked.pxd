"""Loops that leave some items as they are."""

from lightwork._core.loop cimport Loop

cdef Loop masked_loop(Loop loop)
cdef Loop sparing_loop(Loop loop)
