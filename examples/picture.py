"""A two-dimensional array as a picture: in the terminal, or in a file that every image viewer opens."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SHADES = " .:-=+*#%@"


def levels(image: npt.NDArray[Any], n_levels: int) -> npt.NDArray[np.uint8]:
    """Return the values as whole numbers below `n_levels`, the least as 0 and the greatest as the last."""
    low, high = float(image.min()), float(image.max())
    scale = (n_levels - 1) / (high - low or 1.0)
    return ((image - low) * scale).astype(np.uint8)


def as_text(image: npt.NDArray[Any], n_columns: int = 76) -> str:
    """Return the picture in characters, which are about twice as high as wide."""
    step = -(-image.shape[1] // n_columns)
    return "\n".join("".join(SHADES[level] for level in row) for row in levels(image[:: 2 * step, ::step], len(SHADES)))


def save(image: npt.NDArray[Any], path: Path) -> None:
    """Write a grey picture as PGM."""
    height, width = image.shape
    path.write_bytes(b"P5 %d %d 255\n" % (width, height) + levels(image, 256).tobytes())
