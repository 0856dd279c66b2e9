"""What the logger "lightwork" tells, and that it tells nothing to those who have not asked."""

import logging
import subprocess
import sys
import threading
from typing import NoReturn

import pytest

import lightwork as lw

RETRIES = """
import lightwork as lw
lw.parallel_map(int, ["x"], retry=lw.Retry(2, backoff=0.0))
lw.Limiter(1).pause(1)
print(lw.shutdown(30))
"""


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Hear all there is to hear."""
    caplog.set_level(logging.DEBUG, "lightwork")
    return caplog


def test_it_is_silent_by_default() -> None:
    """A program that has not configured logging sees nothing of it, and no complaint that it has not."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", RETRIES], check=True, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_retries_are_told(messages: pytest.LogCaptureFixture) -> None:
    """Each attempt that is made again, and no other."""
    lw.parallel_map(int, ["1", "x"], retry=lw.Retry(3, backoff=0.0), workers=1)
    told = [(record.levelname, record.getMessage()) for record in messages.records]
    assert told == [
        ("DEBUG", f"item 1: attempt {attempt} failed, the next one is in 0.000 s: ValueError(\"invalid literal for int() with base 10: 'x'\")")
        for attempt in (1, 2)
    ]


def test_pauses_are_told(messages: pytest.LogCaptureFixture) -> None:
    """How long a limiter holds all back."""
    lw.Limiter(1).pause(1.5)
    assert [(record.levelname, record.getMessage()) for record in messages.records] == [("INFO", "a limiter allows no start for 1.500 s")]


def test_threads_that_cannot_be_started_are_told(messages: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error itself, and how many threads there are."""

    def refuse(_: threading.Thread) -> NoReturn:
        raise RuntimeError("no more threads")

    with monkeypatch.context() as patch, lw.Pool(1) as pool:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="no more threads"):
            pool.submit(int)
    (record,) = messages.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == "a worker's thread could not be started, there are 0: RuntimeError('no more threads')"


def test_shutdowns_are_told(messages: pytest.LogCaptureFixture) -> None:
    """How many threads and processes were asked to end, and how many did not."""
    lw.shutdown(30)
    lw.shutdown(30)
    assert messages.records[-1].getMessage() == "shutdown: 0 threads and processes asked to end, 0 have not; 0 calls cancelled"
