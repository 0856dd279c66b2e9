"""
The Mandelbrot set by rows: a Python callable over chunks, whose cost differs from row to row.

    python examples/mandelbrot.py --width 2400 --save mandelbrot.pgm

A row through the middle takes a hundred times as long as one at the edge; idle workers steal rows from busy ones. Part of what is
gained has nothing to do with threads: a chunk's temporary arrays fit into the cache, those of the whole picture do not.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from picture import as_text, save
from side_by_side import compare

import lightwork as lw

N_STEPS = 100
RADIUS = 2.0  # whatever leaves this circle never comes back


def plane(width: int) -> npt.NDArray[np.complex128]:
    """Return the points of the complex plane that the picture shows, two thirds as high as wide."""
    real = np.linspace(-2.1, 0.75, width)
    imaginary = np.linspace(-0.95, 0.95, 2 * width // 3)
    return real + 1j * imaginary[:, None]


def escape_steps(points: npt.NDArray[np.complex128]) -> npt.NDArray[np.int32]:
    """Return after how many steps of z*z + c each point has left the circle."""
    steps = np.full(points.size, N_STEPS, np.int32)
    inside, c = np.arange(points.size), points.ravel()
    z: npt.NDArray[Any] = np.zeros_like(c)
    for step in range(N_STEPS):
        z = z * z + c
        stays = z.real * z.real + z.imag * z.imag <= RADIUS**2
        steps[inside[~stays]] = step
        inside, z, c = inside[stays], z[stays], c[stays]
    return steps.reshape(points.shape)


def main() -> None:
    """Compute, compare, show."""
    parser = argparse.ArgumentParser(description="the Mandelbrot set, row by row on every core")
    parser.add_argument("--width", type=int, default=1200, help="of the picture, in points (default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="PGM", help="where to write the picture")
    arguments = parser.parse_args()
    points = plane(arguments.width)
    steps = compare(lambda: escape_steps(points), lambda: lw.chunked_map(escape_steps, points))
    print(as_text(np.log1p(steps)))
    if arguments.save is not None:
        save(np.log1p(steps), arguments.save)


if __name__ == "__main__":
    main()
