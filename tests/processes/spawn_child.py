"""A program that spawns a process, which imports its file under another name, and runs functions and classes of that in workers."""

import multiprocessing
import warnings

import lightwork as lw

SECONDS = 60


class Money(int):
    """A class of the program's."""


def double(item: int) -> Money:
    """Be a function of the program's."""
    return Money(2 * item)


def check_run() -> None:
    """Run items in processes."""
    assert double.__module__ == "__mp_main__"
    result = lw.parallel_map(double, range(100), executor="process", workers=2)
    assert list(result) == [2 * item for item in range(100)]
    assert all(type(value) is Money for value in result)


if __name__ == "__main__":
    warnings.simplefilter("error")
    process = multiprocessing.get_context("spawn").Process(target=check_run)
    process.start()
    process.join(SECONDS)
    assert process.exitcode == 0, process.exitcode
