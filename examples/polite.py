"""
A client that does as it is told: requests at a steady rate, and a pause for all of them when the server asks for one.

    python examples/polite.py --save polite.png

A server on this machine has so much for everybody in a while, and then answers 429 with Retry-After. The client has many threads, one rate limit for
them all, and retries; what it achieves is seen from the server's side. Needs matplotlib for the picture.
"""

import argparse
import itertools
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, build_opener

import lightwork as lw

OK, TOO_MANY_REQUESTS = 200, 429
BURST = 5  # requests at once, which make up for threads that woke late
PAUSE = 0.5  # seconds without a request that are taken for one
TEXT_BIN, PICTURE_BIN = 0.25, 0.1  # seconds
OPENER = build_opener(ProxyHandler({}))  # straight to this machine


class Arrival(NamedTuple):
    """When a request came in, and what it was told."""

    seconds: float
    status: int


class Pages(HTTPServer):
    """Serves so many pages in each window of time, and notes who came when. One request at a time, so nothing needs a lock."""

    request_queue_size = 128

    def __init__(self, quota: int, window: float) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.arrivals: list[Arrival] = []
        self._quota = quota
        self._window = window
        self._n_left = 0
        self._window_ends = -math.inf

    def admit(self) -> float:
        """Return 0, or in how many seconds to come back."""
        now = time.monotonic()
        if now >= self._window_ends:
            self._n_left, self._window_ends = self._quota, now + self._window
        self._n_left -= 1
        wait = 0.0 if self._n_left >= 0 else self._window_ends - now
        self.arrivals.append(Arrival(now, TOO_MANY_REQUESTS if wait else OK))
        return wait

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Page(BaseHTTPRequestHandler):
    """One request."""

    server: Pages

    def do_GET(self) -> None:
        """Answer with the page, or with when to ask again."""
        wait = self.server.admit()
        self.send_response(TOO_MANY_REQUESTS if wait else OK)
        if wait:
            self.send_header("Retry-After", str(math.ceil(wait)))
        self.end_headers()
        if not wait:
            self.wfile.write(content(self.path))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def content(path: str) -> bytes:
    """Return what is on a page."""
    return f"this is {path}".encode()


@contextmanager
def serving(quota: int, window: float) -> Iterator[Pages]:
    """Have a server for the time of a block."""
    with Pages(quota, window) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def fetch(url: str) -> bytes:
    """Return a page; raise for anything else."""
    with OPENER.open(url, timeout=10) as response:
        return bytes(response.read())


def fetch_all(address: str, paths: list[str], rate: float) -> lw.ParallelResult[bytes]:
    """Return all pages, asking for so many a second, and not at all while the server wants to be left alone."""
    limit = lw.RateLimit(rate, burst=BURST)
    retry = lw.Retry.for_http(attempts=10, backoff=0.1)
    return lw.parallel_map(fetch, [address + path for path in paths], workers=8, rate_limit=limit, retry=retry)


def report(arrivals: list[Arrival], rate: float) -> None:
    """Print what the server saw."""
    gaps = [after.seconds - before.seconds for before, after in itertools.pairwise(arrivals)]
    steady = [gap for gap in gaps if gap < PAUSE]
    n_refused = sum(arrival.status == TOO_MANY_REQUESTS for arrival in arrivals)
    print(f"{len(arrivals)} requests, {n_refused} of them refused; {len(gaps) - len(steady)} pauses, the longest {max(gaps):.2f} s")
    print(f"{len(steady) / sum(steady):.1f} requests a second in between; allowed are {rate:g}, and {BURST} at once after a pause")


def text(arrivals: list[Arrival]) -> str:
    """Return a line for each quarter of a second: a # for a page, an x for a refusal."""
    welcome, refused = (counts(arrivals, status, TEXT_BIN) for status in (OK, TOO_MANY_REQUESTS))
    bins = range(max(welcome | refused) + 1)
    return "\n".join(f"{i * TEXT_BIN:6.2f} s  {'#' * welcome[i]}{'x' * refused[i]}".rstrip() for i in bins)


def counts(arrivals: list[Arrival], status: int, width: float) -> Counter[int]:
    """Return how many were told so, by bins of so many seconds since the first."""
    return Counter(int((arrival.seconds - arrivals[0].seconds) / width) for arrival in arrivals if arrival.status == status)


def draw(axes: Any, arrivals: list[Arrival], rate: float) -> None:
    """Draw the requests per second over time, and the pauses."""
    welcome, refused = (counts(arrivals, status, PICTURE_BIN) for status in (OK, TOO_MANY_REQUESTS))
    bins = range(max(welcome | refused) + 1)
    edges = [i * PICTURE_BIN for i in bins]
    pages, refusals = ([counted[i] / PICTURE_BIN for i in bins] for counted in (welcome, refused))
    axes.bar(edges, pages, PICTURE_BIN, align="edge", color="#4477aa", label="200")
    axes.bar(edges, refusals, PICTURE_BIN, bottom=pages, align="edge", color="#ee6677", label="429, Retry-After")
    axes.axhline(rate, color="#222222", linestyle="--", linewidth=1, label=f"limit: {rate:g} a second")
    for before, after in itertools.pairwise(arrivals):
        if after.seconds - before.seconds >= PAUSE:
            axes.axvspan(before.seconds - arrivals[0].seconds, after.seconds - arrivals[0].seconds, color="#dddddd", zorder=0)
    axes.set(xlabel="seconds", ylabel="requests a second", xlim=(0, edges[-1] + PICTURE_BIN))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)


def new_axes() -> Any:
    """Return matplotlib's axes to draw on, without a window."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - who asks for no picture does not need it
    except ImportError:
        raise SystemExit("the picture is drawn by matplotlib, which is not installed: pip install matplotlib") from None
    return Figure(figsize=(8, 3), layout="constrained").subplots()


def main() -> None:
    """Serve, fetch, show."""
    parser = argparse.ArgumentParser(description="a steady rate, and a pause when the server asks for one")
    parser.add_argument("--pages", type=int, default=160, help="how many to fetch (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=50.0, help="how many to ask for in a second (default: %(default)s)")
    parser.add_argument("--quota", type=int, default=60, help="how many the server gives (default: %(default)s)")
    parser.add_argument("--window", type=float, default=3.0, help="in how many seconds (default: %(default)s)")
    parser.add_argument("--save", type=Path, metavar="PNG", help="where to write the picture")
    arguments = parser.parse_args()
    axes = None if arguments.save is None else new_axes()
    paths = [f"/{i}" for i in range(arguments.pages)]
    with serving(arguments.quota, arguments.window) as server:
        result = fetch_all(server.address, paths, arguments.rate)
        arrivals = server.arrivals
    if result.values() != list(map(content, paths)):
        raise AssertionError("the pages differ")
    print(f"{len(result)} pages, each as it should be")
    report(arrivals, arguments.rate)
    print(text(arrivals))
    if axes is not None:
        draw(axes, arrivals, arguments.rate)
        axes.figure.savefig(arguments.save, dpi=100)


if __name__ == "__main__":
    main()
