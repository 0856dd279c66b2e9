"""Whole programs with worker processes: whatever ends them, nobody is left behind, and nothing in shared memory."""

import pytest
from stories import check

pytest.importorskip("loky")


@pytest.mark.parametrize("way", ["plain", "daemonic", "child", "forked"])
def test_a_program_without_a_guard(way: str) -> None:
    """Its main module is not imported anew; in a daemonic process, in one that waits for its children, and in a forked one, too."""
    check("process_workers", way, timeout=120)


def test_a_program_without_a_guard_that_needs_one() -> None:
    """Is told so, where its workers are not loky's."""
    assert "belong under if __name__ == '__main__'" in check("process_workers", "spawned", timeout=120)


def test_a_program_that_just_ends() -> None:
    """Says nothing, and leaves nobody: warm workers end with it."""
    check("process_workers", "left", timeout=120)


def test_ctrl_c_is_for_the_parent() -> None:
    """It is raised once; busy workers are ended without a word, and the next call has others."""
    assert check("process_workers", "interrupted", timeout=120) == "interrupted\n"


def test_a_spawned_child_has_workers_of_its_own() -> None:
    """In which functions run that it knows by a name that they do not."""
    check("spawn_child", timeout=120)


def test_workers_that_are_starting_do_not_outlive_their_parent() -> None:
    """They do not wait for somebody who is not there any more."""
    check("kill_while_starting", timeout=120)


@pytest.mark.parametrize("way", ["killed", "killed counting"])
def test_workers_do_not_outlive_a_parent_that_is_killed(way: str) -> None:
    """They end though they are busy, be it with something that holds the GIL, and shared memory is as it was."""
    assert float(check("process_workers", way, timeout=120)) < 5
