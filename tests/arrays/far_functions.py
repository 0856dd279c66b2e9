"""Functions of chunks for processes, which find them by their names."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def row_sums(part: Array) -> Array:
    """One number for each row."""
    sums: Array = part.sum(axis=-1)
    return sums


def twice(part: Array, out: Array) -> None:
    """Writes to where it is told."""
    np.multiply(part, 2, out=out)


def add_to(part: Array, out: Array) -> None:
    """Reads what is there."""
    out += part


def added(one: Array, other: Array) -> Array:
    """Of two arrays."""
    total: Array = one + other
    return total


def first(part: Array) -> Array:
    """The first of each row."""
    return part[:, 0]


def negated_in_place(part: Array) -> Array:
    """Changes what it is given."""
    np.negative(part, out=part)
    return part


def counted(part: Array, total: Array) -> Array:
    """Counts in an array that every chunk is given whole."""
    total += 1
    times: Array = part * total[0, 0]
    return times


def counted_by(total: Array, part: Array) -> Array:
    """Counts in an array of its own."""
    return counted(part, total)


def huge_from_ten_on(part: Array) -> Array:
    """Returns what single precision has no number for."""
    return np.where(part < 10, part, 1e300)


def added_in_place(part: Array, other: Array) -> Array:
    """Changes one of what it is given."""
    part += other
    return part


def flags(part: Array) -> Array:
    """Where it runs, and what it may do with what it is given."""
    return np.full(len(part), 10 * part.flags.writeable + 1.0 * part.flags.c_contiguous)


def processes(part: Array) -> Array:
    """In which process it runs."""
    return np.full(len(part), os.getpid())


def too_short(part: Array) -> Array:
    """Breaks the rules."""
    return part[1:]


def changing(part: Array) -> Array:
    """Returns another dtype for later chunks."""
    return part.astype("f4") if part[0] > 10 else part


def refuse_large(part: Array) -> Array:
    """Fails for large numbers."""
    if part[-1] >= 50:
        raise ValueError(f"{part[-1]:.0f} is too large")
    return part


def divided(part: Array) -> Array:
    """Divides by zero."""
    quotient: Array = 1 / (part * 0)
    return quotient


def killed(part: Array) -> Array:
    """Takes its process with it."""
    if part[0] > 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return part


def late_first(signal_file: str, part: Array) -> Array:
    """Doubles, the first chunk not before the 21st."""
    if part[0] == 0:
        wait_for(signal_file)
    elif part[0] == 20:
        Path(signal_file).touch()
    return 2 * part


def processes_that_meet(signal_file: str, part: Array) -> Array:
    """Two processes have to run it."""
    late_first(signal_file, part)
    return processes(part)


def late_and_alone(signal_file: str, part: Array) -> Array:
    """Returns another shape for all chunks but the first, which is late."""
    doubled = late_first(signal_file, part)
    return doubled if part[0] == 0 else doubled[:, None]


def fail_late(signal_file: str, part: Array) -> Array:
    """Fails from the fourth chunk on, which does so after another."""
    if part[0] == 3:
        wait_for(signal_file)
    elif part[0] > 3:
        Path(signal_file).touch()
    if part[0] >= 3:
        raise ValueError("no more")
    return part


def wait_for(signal_file: str) -> None:
    """Return when there is a file; not for ever."""
    until = time.monotonic() + 20
    while not Path(signal_file).exists():
        if time.monotonic() > until:
            raise TimeoutError(f"{signal_file} never came")
        time.sleep(0.001)
