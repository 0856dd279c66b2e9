"""What a function can say and ask while it runs as an item."""

import contextvars
import math
import threading
from typing import Any

import pytest

import lightwork as lw
from lightwork.tasks.inside import Item, running


def as_item(item: Item, call: Any) -> Any:
    """Call a function as an item."""

    def inside() -> Any:
        running.set(item)
        return call()

    return contextvars.copy_context().run(inside)


def test_outside_of_items_nothing_happens() -> None:
    """A function that reports and checks can be called by itself."""
    lw.check_cancelled()
    lw.report_progress(1, total=2)


def test_an_item_goes_on_until_it_is_cancelled() -> None:
    """Then it ends with the reason that was given."""
    token = lw.StopToken()
    as_item(Item(cancelled=token), lw.check_cancelled)
    token.stop("enough was found")
    with pytest.raises(lw.Cancelled, match="not wanted any more: enough was found"):
        as_item(Item(cancelled=token), lw.check_cancelled)


def test_no_reason_needs_no_colon() -> None:
    """Who stops without a word leaves none."""
    token = lw.StopToken()
    token.stop()
    with pytest.raises(lw.Cancelled, match="any more$"):
        as_item(Item(cancelled=token), lw.check_cancelled)


def test_an_exception_as_the_reason_is_the_cause() -> None:
    """A timeout that cancels an item can be seen behind it."""
    token, reason = lw.StopToken(), lw.TimedOut("took longer than 2 s")
    token.stop(reason)
    with pytest.raises(lw.Cancelled) as caught:
        as_item(Item(cancelled=token), lw.check_cancelled)
    assert caught.value.__cause__ is reason


def test_progress_reaches_whoever_listens() -> None:
    """With what was said, in the item's own thread."""
    heard: list[Any] = []
    item = Item(report=lambda done, total: heard.append((done, total, threading.get_ident())))
    as_item(item, lambda: lw.report_progress(3, total=10))
    as_item(item, lambda: lw.report_progress(0.5))
    assert heard == [(3, 10, threading.get_ident()), (0.5, None, threading.get_ident())]


@pytest.mark.parametrize("numbers", [(-1,), (math.nan,), (3, 2), (1, math.nan), (math.nan, 2)])
def test_progress_that_makes_no_sense_is_refused_everywhere(numbers: tuple[float, ...]) -> None:
    """Also where nobody listens, so that it is found in tests."""
    with pytest.raises(ValueError, match="leave total out where it is not known"):
        lw.report_progress(*numbers)


def test_items_do_not_hear_of_each_other() -> None:
    """Two at the same time have each their own."""
    stopped = lw.StopToken()
    stopped.stop()

    def around() -> None:
        as_item(Item(), lw.check_cancelled)
        with pytest.raises(lw.Cancelled):
            lw.check_cancelled()

    as_item(Item(cancelled=stopped), around)
    lw.check_cancelled()
