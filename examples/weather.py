"""
A year of weather at twenty-four stations: what a table of readings tells, by NumPy and by the same function on every core.

    python examples/weather.py --minutes 1

Temperatures are made up, of a climate, seasons, days, weather that comes and goes, and sensors that fail now and then. The summary
is written once, for whichever namespace it is given: numpy, or lightwork.numpy.
"""

import argparse
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from side_by_side import compare

import lightwork.numpy as lnp

Array: TypeAlias = npt.NDArray[np.float64]

LATITUDES = np.linspace(70, 1, 24)
DAYS = 365
WARM = 18.0  # degrees above which nobody heats
N_BARS, SPAN = 20, (-50.0, 50.0)  # of the histogram
FACTS = ("mean", "deviation", "coldest", "warmest", "day of the coldest", "readings missing", "share of frost", "heating degrees")


def readings(minutes: float) -> Array:
    """Return temperatures in degrees Celsius, a row for each station from north to south, with NaN where a sensor failed."""
    random = np.random.default_rng(2025)
    day = np.arange(0, DAYS, minutes / (24 * 60))
    return np.stack([station(latitude, day, random) for latitude in LATITUDES.tolist()])


def station(latitude: float, day: Array, random: np.random.Generator) -> Array:
    """Return the readings of one station; day 0 is the first of January."""
    climate = 28 - 0.5 * latitude
    season = -0.35 * latitude * np.cos(2 * np.pi * (day - 20) / DAYS)
    daily = -4 * np.cos(2 * np.pi * (day - 0.1))
    weather = np.interp(day, np.arange(DAYS + 1), random.normal(0, 1 + latitude / 20, DAYS + 1))
    temperatures: Array = climate + season + daily + weather + random.normal(0, 0.2, day.size)
    for start in random.integers(0, day.size, 5).tolist():
        temperatures[start : start + day.size // 500] = np.nan
    return temperatures


def facts_of(xp: Any, row: Array) -> list[float]:
    """Return the facts of one station."""
    missing = int(xp.count_nonzero(xp.isnan(row)))
    heating = xp.subtract(WARM, row, out=np.zeros_like(row), where=xp.less(row, WARM))
    return [
        xp.nanmean(row),
        xp.nanstd(row),
        xp.nanmin(row),
        xp.nanmax(row),
        DAYS * xp.nanargmin(row) / row.size,
        missing,
        xp.count_nonzero(xp.less(row, 0)) / (row.size - missing),
        xp.sum(heating) / (row.size - missing),
    ]


def summary(xp: Any, table: Array) -> Array:
    """Return the facts, a row for each station."""
    return np.array([facts_of(xp, row) for row in table])


def show(facts: Array, counts: Array) -> None:
    """Print the facts, and bars as long as there are readings of a temperature."""
    print("latitude", *FACTS, sep="  ")
    for latitude, row in zip(LATITUDES.tolist(), facts.tolist(), strict=True):
        print(f"{latitude:8.0f}", *(f"{fact:{len(name)}.2f}" for name, fact in zip(FACTS, row, strict=True)), sep="  ")
    lows = np.linspace(*SPAN, N_BARS, endpoint=False)
    for low, share in zip(lows.tolist(), (counts / counts.sum()).tolist(), strict=True):
        print(f"{low:+4.0f} °C  {'#' * round(200 * share)}".rstrip())


def main() -> None:
    """Compute, compare, show."""
    parser = argparse.ArgumentParser(description="a summary of a year of weather")
    parser.add_argument("--minutes", type=float, default=1.0, help="between two readings (default: %(default)s)")
    table = readings(parser.parse_args().minutes)
    print(f"{table.shape[0]} stations, {table.shape[1]:,} readings of each, {table.nbytes / 1e6:.0f} MB: the facts, and a histogram")
    facts = compare(lambda: summary(np, table), lambda: summary(lnp, table))
    counts = compare(lambda: np.histogram(table, N_BARS, SPAN)[0], lambda: lnp.histogram(table, N_BARS, SPAN)[0])
    show(facts, counts)


if __name__ == "__main__":
    main()
