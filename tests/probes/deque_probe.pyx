# distutils: language = c++
"""One deque, used from Python step by step, and by nogil threads that really collide."""

import numpy as np

from lightwork._core.atomics cimport atomic, delete_array, int64_t, memory_order_relaxed, new_array, now_ns
from lightwork._core.deque cimport (
    EMPTY,
    GOT,
    LOST,
    Deque,
    Item,
    Ring,
    Steal,
    deque_free,
    deque_init,
    deque_length,
    deque_pop,
    deque_push,
    deque_steal,
)

from gate cimport Gate, gate_expect, gate_pass, next_random

cdef enum:
    PATIENCE_NS = 30_000_000_000

cdef dict OUTCOMES = {GOT: "GOT", EMPTY: "EMPTY", LOST: "LOST"}


cdef class Arena:
    """
    A deque and the values to push on it: 0, 1, 2, … up to `n_values`.

    An item points to a value in plain memory that its owner writes right before the push, so that ThreadSanitizer sees
    whether the deque publishes what its items point to.
    """

    cdef Deque* deque
    cdef int64_t[::1] values
    cdef Gate gate
    cdef int64_t n_pushed
    cdef atomic[int64_t] n_taken

    def __cinit__(self, int64_t capacity, int64_t n_values, int n_parties=1):
        self.deque = new_array[Deque](1)
        if self.deque == NULL or not deque_init(self.deque, capacity):
            raise MemoryError
        self.values = np.full(n_values, -1, np.int64)
        gate_expect(&self.gate, n_parties)

    def __dealloc__(self):
        deque_free(self.deque)
        delete_array[Deque](self.deque, 1)

    cdef int push_next(self) noexcept nogil:
        cdef int64_t* value = &self.values[self.n_pushed]
        value[0] = self.n_pushed
        self.n_pushed += 1
        return deque_push(self.deque, value)

    cdef int64_t take(self, Item item) noexcept nogil:
        self.n_taken.fetch_add(1, memory_order_relaxed)
        return (<int64_t*> item)[0]

    cdef bint is_over(self) noexcept nogil:
        return self.n_taken.load(memory_order_relaxed) >= self.values.shape[0]

    # --- Step by step ---

    def push(self):
        """Push the next value and return it."""
        assert self.push_next()
        return self.n_pushed - 1

    def pop(self):
        """Return the value pushed last, or None."""
        cdef Item item = deque_pop(self.deque)
        return None if item == NULL else self.take(item)

    def steal(self):
        """Return the outcome's name and, if it is GOT, the value pushed first."""
        cdef Item item = NULL
        cdef Steal outcome = deque_steal(self.deque, &item)
        return OUTCOMES[outcome], self.take(item) if outcome == GOT else None

    def __len__(self):
        return deque_length(self.deque)

    @property
    def n_rings(self):
        """How many rings there are, the outgrown ones included."""
        cdef Ring* ring = self.deque.ring.load()
        n_rings = 0
        while ring != NULL:
            n_rings += 1
            ring = ring.outgrown
        return n_rings

    # --- All at once ---

    def push_all(self):
        """Owner: push every value as fast as it goes."""
        with nogil:
            gate_pass(&self.gate)
            while self.n_pushed < self.values.shape[0]:
                self.push_next()

    def pop_all(self):
        """Owner: pop until nothing is left; return what was popped, in order."""
        cdef int64_t[::1] popped = np.empty(self.values.shape[0], np.int64)
        cdef int64_t n_popped = 0
        cdef Item item
        with nogil:
            gate_pass(&self.gate)
            item = deque_pop(self.deque)
            while item != NULL:
                popped[n_popped] = self.take(item)
                n_popped += 1
                item = deque_pop(self.deque)
        return np.asarray(popped)[:n_popped]

    def push_and_pop(self, unsigned int seed):
        """Owner: push every value, in between pop at random, at last pop the rest; return what was popped."""
        cdef int64_t[::1] popped = np.empty(self.values.shape[0], np.int64)
        cdef int64_t n_popped = 0
        cdef Item item
        with nogil:
            gate_pass(&self.gate)
            while not self.is_over():
                if self.n_pushed < self.values.shape[0] and next_random(&seed) % 2:
                    self.push_next()
                    continue
                item = deque_pop(self.deque)
                if item != NULL:
                    popped[n_popped] = self.take(item)
                    n_popped += 1
        return np.asarray(popped)[:n_popped]

    def steal_all(self):
        """Thief: steal until every value is taken by somebody; return what was stolen, in order, and how often it LOST."""
        cdef int64_t[::1] stolen = np.empty(self.values.shape[0], np.int64)
        cdef int64_t n_stolen = 0, n_lost = 0
        cdef Item item = NULL
        cdef Steal outcome
        with nogil:
            gate_pass(&self.gate)
            while not self.is_over():
                outcome = deque_steal(self.deque, &item)
                if outcome == GOT:
                    stolen[n_stolen] = self.take(item)
                    n_stolen += 1
                n_lost += outcome == LOST
        return np.asarray(stolen)[:n_stolen], n_lost

    def feed(self, int64_t n_thieves, unsigned int seed):
        """Owner: push a few and pop what is left of them until each thief has one; False if that took too long."""
        cdef int64_t deadline = now_ns() + PATIENCE_NS
        cdef unsigned int depth
        cdef bint is_late = False
        with nogil:
            gate_pass(&self.gate)
            while self.n_taken.load(memory_order_relaxed) < n_thieves and not is_late:
                depth = next_random(&seed) % 8
                while depth > 0:
                    deque_push(self.deque, &self.values[0])
                    depth -= 1
                while deque_pop(self.deque) != NULL:
                    pass
                is_late = now_ns() > deadline
        return not is_late

    def steal_one(self):
        """Thief: try until one was stolen; False if that took too long."""
        cdef int64_t deadline = now_ns() + PATIENCE_NS
        cdef bint is_late = False
        cdef Item item = NULL
        with nogil:
            gate_pass(&self.gate)
            while deque_steal(self.deque, &item) != GOT and not is_late:
                is_late = now_ns() > deadline
            self.n_taken.fetch_add(1, memory_order_relaxed)
        return not is_late
