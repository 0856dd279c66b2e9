# distutils: language = c++
"""An injector, used from Python step by step, and by nogil threads that really collide."""

import numpy as np

from lightwork._core.atomics cimport atomic, delete_array, int64_t, memory_order_relaxed, new_array
from lightwork._core.deque cimport Item
from lightwork._core.injector cimport Injector, injector_length, injector_push, injector_take

from gate cimport Gate, gate_expect, gate_pass


cdef class Queue:
    """An injector and the values to push: each producer has `n_values` of its own, in plain memory."""

    cdef Injector* injector
    cdef int64_t[:, ::1] values
    cdef Gate gate
    cdef atomic[int64_t] n_taken

    def __cinit__(self, int64_t n_values, int n_producers=1, int n_parties=1):
        self.injector = new_array[Injector](1)
        if self.injector == NULL:
            raise MemoryError
        self.values = np.full((n_producers, n_values), -1, np.int64)
        gate_expect(&self.gate, n_parties)

    def __dealloc__(self):
        while injector_take(self.injector) != NULL:
            pass
        delete_array[Injector](self.injector, 1)

    cdef bint push_value(self, int producer, int64_t index) noexcept nogil:
        self.values[producer, index] = producer * self.values.shape[1] + index
        return injector_push(self.injector, &self.values[producer, index])

    # --- Step by step ---

    def push(self, int64_t index):
        """Push one value of the first producer."""
        assert self.push_value(0, index)

    def take(self):
        """Return the oldest value, or None."""
        cdef Item item = injector_take(self.injector)
        return None if item == NULL else (<int64_t*> item)[0]

    def __len__(self):
        return injector_length(self.injector)

    # --- All at once ---

    def produce(self, int producer):
        """Push all values of one producer."""
        cdef int64_t i
        with nogil:
            gate_pass(&self.gate)
            for i in range(self.values.shape[1]):
                self.push_value(producer, i)

    def consume(self):
        """Take until the values of all producers are taken by somebody; return one's own, in order."""
        cdef int64_t n_values = self.values.shape[0] * self.values.shape[1]
        cdef int64_t[::1] taken = np.empty(n_values, np.int64)
        cdef int64_t n_own = 0
        cdef Item item
        with nogil:
            gate_pass(&self.gate)
            while self.n_taken.load(memory_order_relaxed) < n_values:
                item = injector_take(self.injector)
                if item != NULL:
                    taken[n_own] = (<int64_t*> item)[0]
                    n_own += 1
                    self.n_taken.fetch_add(1, memory_order_relaxed)
        return np.asarray(taken)[:n_own]
