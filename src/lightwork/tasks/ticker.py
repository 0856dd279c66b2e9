"""How much of the time the GIL cannot be had, seen by a thread that asks for it now and then."""

from __future__ import annotations

import threading
import time
from typing import Self

from lightwork._core.launch import launch

__all__ = ["Ticker"]

TICK = 0.0005  # seconds between two looks: some fifty looks in a short measurement, and less than a hundredth of a core
N_QUIET = 40  # looks before the block, to learn how late a look is by itself
SLACK = 0.0002  # seconds that a look may be later than those


class Ticker:
    """
    Looks for the GIL while the block runs: sleeps a moment, and sees how much later than that it goes on.

    Who holds the GIL keeps it for the interpreter's switch interval (5 ms) or longer, unless he lets go by himself, and a look is
    late by the rest of that time. Waiting for a CPU makes it late, too, which is why it is compared to looks in a quiet
    moment before. A GIL that is taken and let go every few microseconds is not seen.
    """

    def __init__(self) -> None:
        self._late: list[float] = []
        self._n_quiet = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="lightwork-ticker")

    @property
    def share(self) -> float:
        """Share of the looks that found the GIL taken, from 0 to 1."""
        import statistics  # noqa: PLC0415 - its import would take longer than ours

        quiet, looks = self._late[: self._n_quiet], self._late[self._n_quiet :]
        limit = statistics.quantiles(quiet, n=10)[-1] + SLACK
        return sum(late > limit for late in looks) / max(len(looks), 1)

    def _look(self) -> None:
        while not self._is_over.is_set():
            begin = time.perf_counter()
            time.sleep(TICK)
            self._late.append(time.perf_counter() - begin - TICK)

    def __enter__(self) -> Self:
        """Begin to look, and wait until enough is known of quiet looks."""
        launch(self._thread)
        while len(self._late) < N_QUIET:
            time.sleep(TICK * N_QUIET)
        self._n_quiet = len(self._late)
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._is_over.set()
        self._thread.join()
