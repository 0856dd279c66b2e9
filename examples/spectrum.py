"""
The rhythm of machine code: with which periods zero bytes come again in NumPy's own compiled core.

    python examples/spectrum.py --megabytes 2

Windows that overlap are a view of the bytes, never copied as a whole; each chunk of windows becomes the power spectra of its rows.
Tables of pointers and numbers show as peaks at 8, 4 and 16 bytes.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from side_by_side import compare

import lightwork as lw

N_WINDOW = 1024
N_PEAKS = 5
LONGEST_PERIOD = 20


def machine_code(n_bytes: int) -> npt.NDArray[np.uint8]:
    """Return the first bytes of the extension module that holds NumPy's core."""
    module = find_spec("numpy._core._multiarray_umath")
    if module is None or module.origin is None:
        raise SystemExit("this example reads the file of NumPy's compiled core, and this NumPy has none; try examples/mandelbrot.py")
    return np.frombuffer(Path(module.origin).read_bytes()[:n_bytes], np.uint8)


def windows_of(code: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return windows that begin half a window after each other, one a row, as a view."""
    return np.lib.stride_tricks.sliding_window_view(code, N_WINDOW)[:: N_WINDOW // 2]


def power(windows: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return the power of each frequency in the zero bytes of each window."""
    waves = np.fft.rfft((windows == 0) * np.hanning(N_WINDOW), axis=1)
    return waves.real**2 + waves.imag**2


def peaks(spectrum: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return the strongest local maxima of the short periods: period and power, strongest first."""
    middle = spectrum[1:-1]
    is_peak = (middle > spectrum[:-2]) & (middle > spectrum[2:])
    frequencies = np.flatnonzero(is_peak) + 1
    frequencies = frequencies[frequencies * LONGEST_PERIOD > N_WINDOW]
    strongest = frequencies[np.argsort(-spectrum[frequencies])][:N_PEAKS]
    return [(N_WINDOW / frequency, spectrum[frequency]) for frequency in strongest.tolist()]


def main() -> None:
    """Compute, compare, show."""
    parser = argparse.ArgumentParser(description="the periods of zero bytes in NumPy's compiled core")
    parser.add_argument("--megabytes", type=float, default=8.0, help="of code to read at most (default: %(default)s)")
    code = machine_code(int(1e6 * parser.parse_args().megabytes))
    windows = windows_of(code)
    print(f"{code.size:,} bytes, {len(windows):,} windows of {N_WINDOW}")
    spectra = compare(lambda: power(windows), lambda: lw.chunked_map(power, windows))
    strongest = peaks(spectra.mean(axis=0))
    for period, strength in strongest:
        print(f"every {period:6.3f} bytes  {'#' * round(50 * strength / strongest[0][1])}")


if __name__ == "__main__":
    main()
