"""``python -m lightwork demo``: the same work by NumPy and by lightwork, compared to the bit and timed side by side."""

from __future__ import annotations

import argparse
import ctypes
import functools
import os
import platform
import statistics
import sysconfig
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import lightwork
import lightwork.numpy as lnp
from lightwork._gil import has_gil

Array: TypeAlias = npt.NDArray[Any]

SEED = 20_240_611  # any other would do; one, so that every run computes the same


@dataclass(frozen=True)
class Size:
    """How much is computed, and how often."""

    n_bytes: int
    n_items: int
    n_repeats: int


FULL = Size(n_bytes=8_000_000, n_items=10_000_000, n_repeats=5)
QUICK = Size(n_bytes=200_000, n_items=50_000, n_repeats=3)


@dataclass(frozen=True)
class Work:
    """One row of the table: a function, the arrays that it is applied to, and NumPy's or lightwork's own way if that is another function."""

    name: str
    fn: Callable[..., Any]
    arrays: tuple[Array, ...]
    keywords: dict[str, Any] = field(default_factory=dict[str, Any])
    numpy: Callable[..., Any] | None = None
    own: Callable[..., Any] | None = None

    def by_numpy(self) -> Array:
        """Make one call on the whole arrays."""
        result: Array = (self.numpy or self.fn)(*self.arrays, **self.keywords)
        return result

    def by_lightwork(self) -> Array:
        """Make the same call in chunks."""
        in_chunks = functools.partial(lightwork.chunked_map, self.fn)
        result: Array = (self.own or in_chunks)(*self.arrays, **self.keywords)
        return result


@dataclass(frozen=True)
class Row:
    """What came out: medians in seconds, and whether the results had the same bits."""

    name: str
    numpy: float
    lightwork: float
    is_equal: bool


# --- The standard library's source, as arrays -----------------------------------------------------------------------


def source_files(root: Path) -> Iterator[Path]:
    """Yield the ``.py`` files below a folder in a fixed order, without packages that were installed there."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - {"site-packages", "dist-packages", "__pycache__"})
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def read_library(n_bytes: int) -> tuple[Array, int]:
    """Return the first bytes of the standard library's source as ``uint8``, and how many files they come from."""
    text, n_files = bytearray(), 0
    for path in source_files(Path(sysconfig.get_path("stdlib"))):
        if len(text) >= n_bytes:
            break
        text += path.read_bytes()
        n_files += 1
    return np.frombuffer(bytes(text[:n_bytes]), np.uint8), n_files


def blocks_of(data: Array, size: int) -> Array:
    """Return the whole blocks of `size` bytes, one a row, as a view."""
    return data[: data.size // size * size].reshape(-1, size)


def run_lengths(data: Array) -> Array:
    """Return how long each run of one and the same byte is; the first and the last, which may be cut off, are left out."""
    return np.diff(np.flatnonzero(np.diff(data)))


def entropies(blocks: Array) -> Array:
    """Return the entropy of each row of bytes, in bits a byte."""
    n_blocks, size = blocks.shape
    first_bins: Array = np.arange(0, 256 * n_blocks, 256, dtype=np.intp)  # each block has 256 of its own
    bins: Array = np.add(blocks, first_bins[:, None])
    counts = np.bincount(bins.ravel(), minlength=256 * n_blocks)
    shares = counts.reshape(n_blocks, 256) / size
    bits: Array = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1)
    return bits


def packed_sizes(blocks: Array) -> Array:
    """Return how many bytes zlib makes of each row."""
    return np.array([len(zlib.compress(block)) for block in blocks])


def library_works(data: Array) -> list[Work]:
    """Return what is computed from the library's bytes."""
    return [
        Work("bytes: log1p of the values", np.log1p, (data.astype(np.float64),)),
        Work("bytes: difference of neighbours, int16", np.subtract, (data[1:], data[:-1]), {"dtype": np.int16}),
        Work("runs: log2 of the lengths", np.log2, (run_lengths(data),)),
        Work("blocks of 4 KiB: entropy (Python callable)", entropies, (blocks_of(data, 4096),)),
        Work("blocks of 16 KiB: zlib size (Python callable)", packed_sizes, (blocks_of(data, 16_384),)),
    ]


# --- Synthetic arrays -----------------------------------------------------------------------------------------------


def c_function(name: str, n_arguments: int) -> Callable[..., float]:
    """Return a function of ``double`` from the C library."""
    function = ctypes.CDLL(None)[name]
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * n_arguments
    return function


def expression(a: Array, b: Array) -> Array:
    """Compute what NumPy makes eight arrays for."""
    result: Array = np.sqrt(a * a + b * b) * np.exp(-a) + a * b
    return result


def synthetic_works(n_items: int) -> list[Work]:
    """Return what is computed from random numbers."""
    random = np.random.default_rng(SEED)
    x, y = 10 * random.random(n_items), 1 + random.random(n_items)
    return [
        *(Work(ufunc.__name__, ufunc, (x,)) for ufunc in (np.sqrt, np.exp, np.sin, np.log1p)),
        Work("exp into out=", np.exp, (x,), {"out": np.empty_like(x)}),
        Work("arctan2", np.arctan2, (x, y)),
        Work("fmod (C function)", c_function("fmod", 2), (x, y), numpy=np.fmod),
        Work("sqrt(a*a + b*b) * exp(-a) + a*b (fuse)", expression, (x, y), own=lightwork.fuse(expression)),
        *(Work(name, getattr(np, name), (x,), own=getattr(lnp, name)) for name in ("sum", "max", "var")),
    ]


# --- Comparing ------------------------------------------------------------------------------------------------------


def bits_of(array: Array) -> Array:
    """Return a copy of the array's items as bytes."""
    return np.frombuffer(array.tobytes(), np.uint8)


def is_same(mine: Array, numpys: Array) -> bool:
    """Whether two arrays agree in dtype, shape and every bit."""
    return mine.dtype == numpys.dtype and mine.shape == numpys.shape and np.array_equal(bits_of(mine), bits_of(numpys))


def compare(work: Work) -> bool:
    """Whether both ways give the same bits; copies, since both may write to the same `out`."""
    return is_same(work.by_lightwork().copy(), work.by_numpy())


def seconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return how long one call takes."""
    began = clock()
    call()
    return clock() - began


def run(work: Work, n_repeats: int, clock: Callable[[], float] = time.perf_counter) -> Row:
    """Compare once, which warms both up; then measure in turns, so that a busy neighbour disturbs both alike."""
    is_equal = compare(work)
    times = [(seconds(work.by_numpy, clock), seconds(work.by_lightwork, clock)) for _ in range(n_repeats)]
    numpy, mine = (statistics.median(column) for column in zip(*times, strict=True))
    return Row(work.name, numpy, mine, is_equal)


# --- Printing -------------------------------------------------------------------------------------------------------

HEADER = f"{'work':<46} {'NumPy ms':>10} {'lightwork ms':>13} {'ratio':>6}  equal"


def machine() -> str:
    """Return one line about what runs here, and how busy it is: with others on the cores, ratios fall."""
    gil = "on" if has_gil() else "off"
    python = f"{platform.python_implementation()} {platform.python_version()}, GIL {gil}"
    budget = f"CPU budget {lightwork.cpu_budget()}, load {os.getloadavg()[0]:.1f}"
    return f"lightwork {lightwork.__version__}, {python}, NumPy {np.__version__}, {budget}"


def line(row: Row) -> str:
    """Return a row as text; the ratio says how many times faster lightwork was."""
    ratio = row.numpy / row.lightwork
    return f"{row.name:<46} {row.numpy * 1e3:>10.2f} {row.lightwork * 1e3:>13.2f} {ratio:>6.2f}  {'yes' if row.is_equal else 'NO'}"


def report(works: list[Work], n_repeats: int) -> bool:
    """Print a row for each work as soon as it is done; return whether all were equal."""
    rows: list[Row] = []
    for work in works:
        rows.append(run(work, n_repeats))
        print(line(rows[-1]), flush=True)
    return all(row.is_equal for row in rows)


def main(argv: list[str]) -> int:
    """Run the demo; the exit status is 1 if a result differs from NumPy's in a single bit."""
    parser = argparse.ArgumentParser(prog="python -m lightwork demo", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small arrays: shows that it works, not how fast it is")
    size = QUICK if parser.parse_args(argv).quick else FULL
    data, n_files = read_library(size.n_bytes)
    if not n_files:
        parser.error(f"the standard library's source is not in {sysconfig.get_path('stdlib')}; run the demo by a Python that has it there")
    print(machine())
    print(f"{data.size:,} bytes of {n_files} files of the standard library; synthetic arrays of {size.n_items:,} items")
    print(f"medians of {size.n_repeats} runs in turns; ratio = NumPy / lightwork\n")
    print(HEADER)
    are_equal = report(library_works(data) + synthetic_works(size.n_items), size.n_repeats)
    print("\nEvery result is equal to NumPy's, bit for bit." if are_equal else "\nRESULTS DIFFER FROM NUMPY'S: see the rows marked NO.")
    return 0 if are_equal else 1
