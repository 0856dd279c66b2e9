"""Every worker computes with the caller's rounding and with subnormal numbers, and keeps none of it for the next caller."""

import ctypes
import platform
import threading

import numpy as np

import lightwork as lw

N_WORKERS = 3
FE_UPWARD = {"x86_64": 0x800, "aarch64": 0x400000, "arm64": 0x400000}[platform.machine()]
libm = ctypes.CDLL(None)
barrier = threading.Barrier(N_WORKERS)


def check_modes(chunk: np.ndarray, out: np.ndarray) -> None:
    """Meet all workers; then do what depends on the modes."""
    barrier.wait(20)
    assert np.finfo(float).smallest_subnormal > 0
    assert (np.full(4, 1e-310) * 0.5 > 0).all()
    assert libm.fegetround() == rounding
    out[:] = np.divide(chunk, 3)


def check_workers() -> None:
    """Let every worker do it, and compare with the caller."""
    x, out = np.arange(1.0, N_WORKERS + 1), np.empty(N_WORKERS)
    lw.chunked_map(check_modes, x, out=out, chunk_size=1, workers=N_WORKERS)
    np.testing.assert_array_equal(out, np.divide(x, 3))
    x = np.arange(1.0, 1_000_000)
    np.testing.assert_array_equal(lw.chunked_map(np.divide, x, 3.0, workers=N_WORKERS), np.divide(x, 3))


rounding = libm.fegetround()
check_workers()
third = np.divide(1.0, 3)
rounding = FE_UPWARD
libm.fesetround(rounding)
check_workers()
assert np.divide(1.0, 3) > third
rounding = 0
libm.fesetround(rounding)
check_workers()
