"""The deque against a Python list, step by step."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from strategies import examples

N_VALUES = 1000  # more than a machine of fifty steps can push


def machine(arena: Callable[..., Any]) -> type[RuleBasedStateMachine]:
    """Return a machine that drives a deque and a list through the same steps."""

    class DequeModel(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.model: list[int] = []

        @initialize(log_capacity=st.integers(0, 3))
        def make(self, log_capacity: int) -> None:
            self.deque = arena(2**log_capacity, N_VALUES)

        @rule(n=st.integers(1, 9))
        def push(self, n: int) -> None:
            for _ in range(n):
                self.model.append(self.deque.push())

        @rule()
        def pop(self) -> None:
            assert self.deque.pop() == (self.model.pop() if self.model else None)

        @rule()
        def steal(self) -> None:
            expected = ("GOT", self.model.pop(0)) if self.model else ("EMPTY", None)
            assert self.deque.steal() == expected

        @invariant()
        def has_the_same_length(self) -> None:
            assert len(self.deque) == len(self.model)

    return DequeModel


def test_one_thread_at_a_time_it_is_a_list(probe: Callable[[str], ModuleType]) -> None:
    """Any sequence of pushes, pops and thefts gives what a list gives, at every capacity to begin with."""
    run_state_machine_as_test(machine(probe("deque").Arena), settings=examples(200))
