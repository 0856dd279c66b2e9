"""What ``progress=True`` shows: a bar of tqdm or rich where one of them is installed, a line on the standard error stream elsewhere."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

from lightwork._clock import clock

__all__ = ["Display", "Line", "RichBar", "TqdmBar", "display"]

LINE_INTERVAL = 10.0  # seconds between lines where they stay, as in a log


class Display(Protocol):
    """Shows how far a run has come, until it is closed. Called in the thread that drives the run."""

    def __call__(self, done: int, total: int) -> None:
        """Show that so many items of so many have ended."""
        ...

    def close(self) -> None:
        """Leave the last state where it stands, and give back the terminal."""
        ...


class TqdmBar:
    """A bar of tqdm, which knows terminals and notebooks apart."""

    def __init__(self) -> None:
        self._kind: Any = importlib.import_module("tqdm.auto").tqdm
        self._start = time.time()  # on tqdm's clock
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Move the bar; it draws itself each time, since it is not called often."""
        if self._bar is None:
            self._bar = self._kind(total=total, unit="item", mininterval=0.0, miniters=0)
            self._bar.start_t = self._start  # the first items took time before there was a total
        self._bar.n = done
        self._stretch(total)
        self._bar.refresh()

    def _stretch(self, total: int) -> None:
        self._bar.total = total
        widgets = getattr(self._bar, "container", None)
        if widgets is not None:  # in a notebook the total is looked at once, for the width of a widget
            widgets.children[1].max = total

    def close(self) -> None:
        """Leave the bar where it stands."""
        if self._bar is not None:
            self._bar.close()


class RichBar:
    """A bar of rich, drawn when it moves: without a thread of its own."""

    def __init__(self) -> None:
        progress = importlib.import_module("rich.progress")
        console = importlib.import_module("rich.console").Console(stderr=True)
        columns = (*progress.Progress.get_default_columns()[1:], progress.MofNCompleteColumn())
        self._progress: Any = progress.Progress(*columns, console=console, auto_refresh=False)
        self._task: Any = self._progress.add_task("items", total=None)
        self._progress.start()

    def __call__(self, done: int, total: int) -> None:
        """Move the bar, and draw it."""
        self._progress.update(self._task, completed=done, total=total, refresh=True)

    def close(self) -> None:
        """Leave the bar where it stands."""
        self._progress.stop()


class Line:
    """A line of numbers: one that is written over again on a terminal, and a new one now and then in a file."""

    def __init__(self, stream: Any = None, now: Callable[[], float] | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal: bool = self._stream is not None and self._stream.isatty()
        self._now = clock().now if now is None else now
        self._start = self._now()
        self._next = self._start + LINE_INTERVAL
        self._pending: str | None = None

    def __call__(self, done: int, total: int) -> None:
        """Write the numbers, or keep them until it is time for a new line."""
        self._pending = self._text(done, total)
        if self._is_terminal:
            self._write(f"\r{self._pending}\x1b[K")
        elif self._now() >= self._next:
            self._next = self._now() + LINE_INTERVAL
            self._write(f"{self._pending}\n")
            self._pending = None

    def close(self) -> None:
        """End the line, or write the last one."""
        if self._pending is not None:
            self._write("\n" if self._is_terminal else f"{self._pending}\n")
            self._pending = None

    def _text(self, done: int, total: int) -> str:
        seconds = self._now() - self._start
        rate = f", {done / seconds:.3g} a second" if seconds > 0 else ""
        return f"{done} of {total} items, {seconds:.1f} s{rate}"

    def _write(self, text: str) -> None:
        if self._stream is not None:  # there is none under pythonw
            self._stream.write(text)
            self._stream.flush()


def display() -> Display:
    """
    Return the best display that there is, open.

    Returns
    -------
    Display
        Of tqdm if it can be imported, else of rich, else a line. What is broken is passed over: progress is not what the run is for.
    """
    for name, kind in (("tqdm", TqdmBar), ("rich", RichBar)):
        try:
            if importlib.util.find_spec(name) is not None:
                return kind()
        except Exception:  # noqa: S112 - half-installed, or at odds with another bar on this screen
            continue
    return Line()
