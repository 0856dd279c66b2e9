"""
How a drum vibrates: the same expression by NumPy and by lightwork, with a ufunc that is not NumPy's.

    python examples/drum.py --diameters 3 --circles 2

A mode of a round membrane is J(n, k r) cos(n a), with a Bessel function of SciPy's. Every ufunc runs in chunks, whoever made it, and
rows and columns broadcast as they do in NumPy. Needs SciPy.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from picture import as_text, save
from side_by_side import compare

import lightwork as lw

try:
    from scipy.special import jn_zeros, jv
except ImportError:
    raise SystemExit("this example takes Bessel functions from SciPy, which is not installed: pip install scipy") from None

Array: TypeAlias = npt.NDArray[Any]


def displacement(apply: Callable[..., Array], size: int, n_diameters: int, n_circles: int) -> Array:
    """
    Return how far each point of the membrane is out, 0 outside.

    `apply(ufunc, *arrays)` calls the ufunc: at once or in chunks.
    """
    x = np.linspace(-1.0, 1.0, size)
    y = x[:, None]
    wave_number = jn_zeros(n_diameters, n_circles)[-1]  # so that the rim stands still
    radius = apply(np.hypot, x, y)
    along_radius = apply(jv, n_diameters, apply(np.multiply, radius, wave_number))
    around = apply(np.cos, apply(np.multiply, apply(np.arctan2, y, x), n_diameters))
    mode = apply(np.multiply, along_radius, around)
    return apply(np.multiply, mode, apply(np.less_equal, radius, 1.0))


def at_once(ufunc: np.ufunc, *arrays: Any) -> Array:
    """Call a ufunc as NumPy does."""
    result: Array = ufunc(*arrays)
    return result


def main() -> None:
    """Compute, compare, show."""
    parser = argparse.ArgumentParser(description="a mode of a vibrating drum")
    parser.add_argument("--size", type=int, default=800, help="of the picture, in points (default: %(default)s)")
    parser.add_argument("--diameters", type=int, default=3, help="that stand still (default: %(default)s)")
    parser.add_argument("--circles", type=int, default=2, help="that stand still, the rim included (default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="PGM", help="where to write the picture")
    arguments = parser.parse_args()
    mode = arguments.size, arguments.diameters, arguments.circles
    image = compare(lambda: displacement(at_once, *mode), lambda: displacement(lw.chunked_map, *mode))
    print(as_text(image))
    if arguments.save is not None:
        save(image, arguments.save)


if __name__ == "__main__":
    main()
