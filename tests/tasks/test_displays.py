"""What progress=True shows."""

import importlib.util
import io
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lightwork.tasks import displays
from lightwork.tasks.displays import LINE_INTERVAL, Display, Line, RichBar, TqdmBar, display
from lightwork.testing import MockClock


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make packages look as if they were not installed."""
    find = importlib.util.find_spec

    def hide(*names: str) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else find(name))

    return hide


@pytest.mark.parametrize(("hidden", "kind"), [((), TqdmBar), (("tqdm",), RichBar), (("tqdm", "rich"), Line)])
def test_the_best_that_is_installed_is_shown(without: Callable[..., None], hidden: tuple[str, ...], kind: type) -> None:
    """The bar of tqdm, that of rich, or a line."""
    without(*hidden)
    shown = display()
    shown.close()
    assert type(shown) is kind


def test_a_bar_that_is_broken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run does not fail because its progress cannot be drawn."""
    for name in ("TqdmBar", "RichBar"):
        monkeypatch.setattr(displays, name, lambda: 1 // 0)
    assert type(display()) is Line


@pytest.mark.parametrize("kind", [TqdmBar, RichBar, Line])
def test_the_last_numbers_stay_on_the_error_stream(kind: Callable[[], Display], capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to the program; totals that grow are followed."""
    shown = kind()
    for done, total in ((0, 3), (2, 3), (7, 7)):
        shown(done, total)
    shown.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert "7/7" in err or "7 of 7 items" in err
    assert err.endswith("\n")


def test_a_bar_in_a_notebook_follows_a_total_that_grows() -> None:
    """Its widget has a width of its own, which tqdm sets once."""
    widget = SimpleNamespace(max=None)

    class NotebookBar(SimpleNamespace):
        container = SimpleNamespace(children=("left", widget, "right"))

        def refresh(self) -> None:
            drawn.append((self.n, self.total, widget.max))

    drawn: list[tuple[int, int, int]] = []
    shown = TqdmBar()
    shown._kind = NotebookBar
    shown(1, 3)
    shown(2, 7)
    assert drawn == [(1, 3, 3), (2, 7, 7)]


def test_a_bar_counts_the_time_before_it_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate is that of the run from its beginning."""
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: 1000.0)
        shown = TqdmBar()
    shown(1, 3)
    assert shown._bar.format_dict["elapsed"] > 1e6
    shown.close()


def test_a_run_that_ends_at_once_leaves_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """What was never told anything shows nothing."""
    TqdmBar().close()
    assert capsys.readouterr() == ("", "")


def test_a_line_on_a_terminal_is_written_over() -> None:
    """It is one line, until it is closed."""
    stream, clock = Terminal(), MockClock()
    line = Line(stream, clock.now)
    line(1, 4)
    clock.advance(2.0)
    line(4, 4)
    line.close()
    line.close()
    assert stream.getvalue() == "\r1 of 4 items, 0.0 s\x1b[K\r4 of 4 items, 2.0 s, 2 a second\x1b[K\n"


def test_lines_in_a_log_are_few() -> None:
    """One every ten seconds, and the last one."""
    stream, clock = io.StringIO(), MockClock()
    line = Line(stream, clock.now)
    for done in range(1, 26):
        clock.advance(LINE_INTERVAL / 10)
        line(done, 25)
    line.close()
    assert [text.split(",")[0] for text in stream.getvalue().splitlines()] == ["10 of 25 items", "20 of 25 items", "25 of 25 items"]


def test_no_error_stream_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows programs without a console have none."""
    monkeypatch.setattr(sys, "stderr", None)
    line = Line()
    line(1, 1)
    line.close()


def test_displays_leave_no_thread_of_ours(without: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar of rich is drawn by the thread that drives the run."""
    started: list[Any] = []
    monkeypatch.setattr("threading.Thread.start", started.append)
    without("tqdm")
    shown = display()
    shown(1, 1)
    shown.close()
    assert started == []
