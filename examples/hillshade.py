"""
Mountains in the evening sun: the shading of a real elevation model by NumPy and by one fused function.

    python examples/hillshade.py --zoom 8 --save hillshade.png

The terrain is matplotlib's sample of the ridges along the Jacksboro fault in Tennessee. Slopes come from the eight neighbours of each point
(Horn 1981), which are slices of one array; light from four directions is mixed by how much each slope faces it. Sixty ufuncs
become one pass. Needs matplotlib.
"""

import argparse
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from side_by_side import compare

import lightwork as lw

try:
    from matplotlib.cbook import get_sample_data
    from matplotlib.image import imsave
except ImportError:
    raise SystemExit("this example takes its terrain from matplotlib, which is not installed: pip install matplotlib") from None

Array: TypeAlias = npt.NDArray[Any]

METRES = 111_200.0  # of a degree of latitude
SUNS = ((315.0, 0.5), (270.0, 0.25), (225.0, 0.15), (0.0, 0.1))  # azimuth in degrees, and the share of the light
ALTITUDE = np.radians(35.0)
STEEPEN = 2.0


def terrain(zoom: int) -> tuple[Array, float, float]:
    """Return heights in metres and how far apart columns and rows are, with so many points for each of the model's in both directions."""
    with get_sample_data("jacksboro_fault_dem.npz") as model:
        heights = model["elevation"].astype(float)
        across = float(model["dx"]) * METRES * np.cos(np.radians(float(model["ymin"])))
        down = float(model["dy"]) * METRES
    return between(between(heights, zoom).T, zoom).T.copy(), across / zoom, down / zoom


def between(rows: Array, zoom: int) -> Array:
    """Return rows with `zoom` for each of the given ones, on straight lines between them."""
    positions = np.linspace(0, len(rows) - 1, zoom * len(rows))
    below = np.minimum(positions.astype(int), len(rows) - 2)
    part = (positions - below)[:, None]
    return rows[below] * (1 - part) + rows[below + 1] * part


def hillshade(z: Array, across: float, down: float) -> Array:
    """Return how bright each point is that has eight neighbours, from 0 to 1."""
    north, south = z[:-2], z[2:]
    east = (north[:, 2:] + 2 * z[1:-1, 2:] + south[:, 2:]) - (north[:, :-2] + 2 * z[1:-1, :-2] + south[:, :-2])
    upward = (north[:, :-2] + 2 * north[:, 1:-1] + north[:, 2:]) - (south[:, :-2] + 2 * south[:, 1:-1] + south[:, 2:])
    east = east * (STEEPEN / (8 * across))
    upward = upward * (STEEPEN / (8 * down))
    slope = np.arctan(np.hypot(east, upward))
    aspect = np.arctan2(-east, -upward)
    shade = 0.0
    for azimuth, share in SUNS:
        facing = np.sin(ALTITUDE) * np.cos(slope) + np.cos(ALTITUDE) * np.sin(slope) * np.cos(np.radians(azimuth) - aspect)
        shade = shade + share * np.clip(facing, 0, 1)
    return np.sqrt(shade)


def main() -> None:
    """Compute, compare, show."""
    parser = argparse.ArgumentParser(description="the shading of a real elevation model")
    parser.add_argument("--zoom", type=int, default=8, help="points for each of the model's, in both directions (default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="PNG", help="where to write the picture")
    arguments = parser.parse_args()
    z, across, down = terrain(arguments.zoom)
    fused = lw.fuse(hillshade)
    print(f"{z.shape[0]} x {z.shape[1]} points, {z.min():.0f} to {z.max():.0f} m")
    image = compare(lambda: hillshade(z, across, down), lambda: fused(z, across, down))
    (program,) = fused.explain().programs
    moved = f"{program.bytes_moved} bytes moved for each point, NumPy call by call {program.bytes_moved_by_numpy}"
    print(f"{len(program.steps)} ufuncs in one pass: {moved}")
    if arguments.save is not None:
        imsave(arguments.save, image, cmap="gray", vmin=0, vmax=1)


if __name__ == "__main__":
    main()
