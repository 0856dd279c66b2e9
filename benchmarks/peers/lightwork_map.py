"""lightwork itself, with nothing tuned. Its jobs and chunks have no Python in them, so ``probe.pyx`` times those in C."""

from collections.abc import Callable
from typing import Any

import numpy as np

import lightwork as lw

IMPORT = "lightwork"
CANNOT: dict[str, str] = {}


def elementwise(name: str) -> Callable[..., Any]:
    """Map the ufunc."""
    ufunc = getattr(np, name)

    def run(*operands: Any) -> None:
        *arrays, out = operands
        lw.chunked_map(ufunc, *arrays, out=out)

    return run


def over_slices(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Map the kernel over chunks of lightwork's own choice."""
    return lambda array, out: lw.chunked_map(kernel, array, out=out)


def expression() -> Callable[..., Any]:
    """Fuse it."""
    fused = lw.fuse(lambda a, b: np.sqrt(a * a + b * b) * np.exp(-a) + a * b)
    return lambda a, b, out: fused(a, b, out=out)
