"""What retries know of HTTP: statuses, and how long servers ask to be left alone."""

import email.message
import email.utils
import http.server
import pickle
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightwork import Refused, Retry
from lightwork.policies.http import seconds_asked, status_of
from lightwork.testing import MockClock, no_backoff

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110


def answer(status: object = 503, after: object = None) -> SimpleNamespace:
    """Return a response as ``requests`` and ``httpx`` have it, but for what nobody asks."""
    return SimpleNamespace(status_code=status, headers={} if after is None else {"Retry-After": after})


class Raised(Exception):
    """An error that carries a response, as those of ``requests`` and ``httpx`` do."""

    def __init__(self, response: object) -> None:
        super().__init__()
        self.response = response


def urllib_error(status: int, headers: Mapping[str, str]) -> urllib.error.HTTPError:
    """Return an error as ``urllib`` raises it."""
    message = email.message.Message()
    for name, value in headers.items():
        message[name] = value
    return urllib.error.HTTPError("http://localhost", status, "no", message, None)


# --- Retry-After ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("9" * 400, float("inf")),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799 - NOW),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("1_000", None),
        ("٣", None),
        ("Sun, 99 Nov 1994 08:50:37 GMT", None),
        ("Sun, 06 Nov 99999999999 08:50:37 GMT", None),
    ],
)
def test_seconds_and_dates_are_read(text: str, seconds: float | None) -> None:
    """All three forms of dates count from now, what is over asks for nothing, and what cannot be read says nothing."""
    with MockClock(wall=NOW):
        assert seconds_asked(answer(after=text)) == seconds


@given(st.integers(0, 2**33), st.integers(0, 10**6))
def test_dates_are_as_far_away_as_they_say(now: int, seconds: int) -> None:
    """A date that a server formats so many seconds ahead asks for as many."""
    with MockClock(wall=now):
        assert seconds_asked(answer(after=email.utils.formatdate(now + seconds, usegmt=True))) == seconds


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    """Whatever a server sends, the answer is a time or nothing."""
    asked = seconds_asked(answer(after=text))
    assert asked is None or asked >= 0


@pytest.mark.parametrize(
    "outcome",
    [
        answer(after="3"),
        SimpleNamespace(status=429, headers={"retry-after": "3"}),
        Raised(answer(after="3")),
        urllib_error(503, {"retry-after": "3"}),
        Raised(SimpleNamespace(headers={"Retry-After": b"4", "retry-after": "3"})),
    ],
    ids=["requests", "aiohttp", "httpx", "urllib", "odd"],
)
def test_the_header_is_found_wherever_it_is(outcome: object) -> None:
    """Responses and errors of any library have their header read, whatever its case."""
    assert seconds_asked(outcome) == 3.0


@pytest.mark.parametrize(
    "outcome", [None, 3, "text", OSError(), answer(), SimpleNamespace(headers=None), SimpleNamespace(headers=["Retry-After"])], ids=repr
)
def test_what_has_no_header_asks_for_nothing(outcome: object) -> None:
    """Any value and any error may be asked."""
    assert seconds_asked(outcome) is None


# --- Statuses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (answer(503), 503),
        (SimpleNamespace(status=429), 429),
        (urllib_error(404, {}), 404),
        (Raised(answer(502)), 502),
        (Raised(None), None),
        (SystemExit(429), 429),
        (answer("503"), None),
        (answer(None), None),
        (None, None),
        (ConnectionError(), None),
    ],
    ids=repr,
)
def test_statuses_are_found_wherever_they_are(outcome: object, status: int | None) -> None:
    """Any of the usual attributes counts if it is a number, of the response before the error's own."""
    assert status_of(outcome) == status


POLICY = Retry.for_http(5, backoff=1.0, jitter="none")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (urllib_error(503, {}), "retry"),
        (urllib_error(429, {}), "retry"),
        (urllib_error(404, {}), "give_up"),
        (urllib_error(500, {}), "give_up"),
        (Raised(answer(504)), "retry"),
        (Raised(answer(400)), "give_up"),
        (ConnectionResetError(), "retry"),
        (TimeoutError(), "retry"),
        (urllib.error.URLError(ConnectionRefusedError()), "retry"),
        (urllib.error.URLError("no host given"), "give_up"),
        (PermissionError(), "give_up"),
        (ValueError(), "give_up"),
    ],
    ids=repr,
)
def test_what_passes_is_tried_again(error: Exception, kind: str) -> None:
    """Of errors with a status the status decides; of others, their type or that of what caused them."""
    assert POLICY.decide(1, error, None, 0.0).kind == kind


@pytest.mark.parametrize(
    ("value", "kind"), [(answer(503), "retry"), (answer(200), "done"), (answer(404), "done"), ("text", "done"), (None, "done")], ids=repr
)
def test_responses_are_judged_like_errors(value: object, kind: str) -> None:
    """Libraries that return what others raise are served as well."""
    assert POLICY.decide(1, None, value, 0.0).kind == kind


def test_the_server_decides_on_the_wait() -> None:
    """What the header says replaces the back-off, is not shortened, and is passed on as a pause for everybody."""
    decision = POLICY.decide(1, None, answer(429, "90"), 0.0)
    assert (decision.kind, decision.delay, decision.pause) == ("retry", 90.0, 90.0)
    assert POLICY.decide(3, None, answer(429), 0.0)[:3] == ("retry", 4.0, 0.0)
    spread = Retry.for_http(5, backoff=2.0)
    waits = [spread.decide(1, None, answer(429, "90"), 0.0).delay for _ in range(100)]
    assert min(waits) >= 90.0 and max(waits) <= 92.0 and len(set(waits)) == 100


def test_who_asks_for_too_long_is_not_asked_again() -> None:
    """Coming earlier than asked would be in vain, so a longer wait than allowed ends the call."""
    decision = Retry.for_http(max_server_wait=60).decide(1, None, answer(429, "61"), 0.0)
    assert decision.kind == "give_up"
    assert decision.reason == "the other end asks for 61 s, more than max_server_wait"


def test_who_gives_up_still_tells_the_others() -> None:
    """The last attempt of one call hears that the server is busy, and a limiter that others share should know."""
    assert Retry.for_http(2).decide(2, None, answer(429, "30"), 0.0)[:3] == ("give_up", 0.0, 30.0)
    assert Retry.for_http(2, max_elapsed=1).decide(1, None, answer(429, "30"), 0.0).pause == 30.0
    with no_backoff():
        assert Retry.for_http(2).decide(1, None, answer(429, "30"), 0.0)[:3] == ("retry", 0.0, 0.0)


def test_options_are_the_policy_s() -> None:
    """Statuses, types and where the response is can be chosen, the rest is as in the class; all is checked and can be pickled."""
    policy = Retry.for_http(7, statuses=[418], on=LookupError, response=unwrapped, factor=3)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert (policy.attempts, policy.factor) == (7, 3.0)
    assert policy.decide(1, None, {"inner": answer(418, "2")}, 0.0).pause == 2.0
    assert policy.decide(1, KeyError(), None, 0.0).kind == "retry"
    assert policy.decide(1, ConnectionError(), None, 0.0).kind == "give_up"
    with pytest.raises(TypeError, match="response must be a function"):
        Retry.for_http(response=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="statuses must be an int"):
        Retry.for_http(statuses=["503"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="name types derived from Exception"):
        Retry.for_http(on=BaseException)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="retry_if"):
        Retry.for_http(retry_if=bool)


def unwrapped(outcome: Any) -> Any:
    """Return the response that a library of one's own keeps inside."""
    return outcome["inner"] if isinstance(outcome, dict) else None


# --- A real server --------------------------------------------------------------------------------------------------


class Server(http.server.ThreadingHTTPServer):
    """Answers with one status after the other."""

    statuses: list[int]


class Handler(http.server.BaseHTTPRequestHandler):
    """Says when to come again."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.send_response(self.server.statuses.pop(0))
        self.send_header("Retry-After", "30")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """Serve on this machine, on a port that is free."""
    with Server(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def test_urllib_is_retried_against_a_real_server(server: Server) -> None:
    """A server that is busy twice and asks for half a minute is asked thrice, at its own pace."""
    server.statuses = [429, 503, 200]
    with MockClock(autojump=True) as clock:
        url = f"http://127.0.0.1:{server.server_port}"
        response = Retry.for_http(jitter="none").call(urllib.request.urlopen, url, timeout=60)
        response.close()
        assert response.status == 200
        assert clock.now() == 60.0


def test_http_client_is_retried_against_a_real_server(server: Server) -> None:
    """Where a library returns its responses, the last one that is refused comes with the error."""
    server.statuses = [503, 503, 404, 503, 503]

    def get() -> Any:
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    with no_backoff():
        assert Retry.for_http().call(get).status == 404
        with pytest.raises(Refused) as caught:
            Retry.for_http(2).call(get)
    assert status_of(caught.value.value) == 503
