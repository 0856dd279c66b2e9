"""What came of the items of a run."""

import gc
import pickle
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import garbage
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from threads import together

from lightwork import Aborted, Cancelled, LightworkError, ParallelResult, RunStatus, TimedOut
from lightwork.tasks.results import MISSING, Measured

ENDINGS = {RunStatus.TIMED_OUT: TimedOut, RunStatus.ABORTED: Aborted, RunStatus.CANCELLED: Cancelled}


def some_failed(**others: Any) -> ParallelResult[int]:
    """Four items, of which the second and the last failed."""
    return ParallelResult(4, [10, 0, 30, 0], {3: KeyError("d"), 1: ValueError("b")}, **others)


def cut_short(status: RunStatus = RunStatus.TIMED_OUT, **others: Any) -> ParallelResult[int]:
    """Five items: a value, a failure, and three that had no turn, one of them between two that had."""
    return ParallelResult(5, [10, MISSING, 0], {2: ValueError("c")}, status, **others)


# --- All is well ---


def test_a_result_is_the_sequence_of_its_values() -> None:
    """It is indexed, sliced, searched, measured and reversed like a list."""
    result = ParallelResult(None, [2, 4, 6], {})
    assert isinstance(result, Sequence)
    assert (list(result), len(result), result[0], result[-1], result[1:]) == ([2, 4, 6], 3, 2, 6, [4, 6])
    assert (4 in result, result.index(6), list(reversed(result))) == (True, 2, [6, 4, 2])
    with pytest.raises(IndexError):
        result[3]


def test_a_result_that_is_ok_says_so_in_every_form() -> None:
    """There are values, successes and no failures, and nothing raises."""
    result = ParallelResult(2, ["a", "b"], {})
    assert (result.ok, result.status) == (True, RunStatus.COMPLETED)
    result.raise_on_failure()
    assert result.values() == result.ok_values() == result.outcomes() == ["a", "b"]
    assert (result.successes(), result.failures()) == ([(0, "a"), (1, "b")], [])


def test_no_items_are_well() -> None:
    """A run over nothing completed."""
    result: ParallelResult[int] = ParallelResult(0, [], {})
    assert (result.ok, len(result), list(result), result.item_results()) == (True, 0, [], [])


def test_values_are_a_list_of_the_caller_s_own() -> None:
    """Changing it does not change the result."""
    result = ParallelResult(None, [1, 2], {})
    result.values().clear()
    assert result.values() == [1, 2]


def test_none_and_exceptions_are_values_like_others() -> None:
    """What a function returns is a value, whatever it is."""
    error = ValueError("returned, not raised")
    result = ParallelResult(None, [None, error], {})
    assert (result.ok, result.values()) == (True, [None, error])


# --- Items failed ---


@pytest.mark.parametrize("read", [list, ParallelResult.values, ParallelResult.raise_on_failure, lambda result: result[0]])
def test_asking_for_all_values_raises_all_failures_at_once(read: Any) -> None:
    """Iteration, indexing, values() and raise_on_failure() raise one group, in the order of the items."""
    result = some_failed()
    with pytest.raises(ExceptionGroup, match="2 of 4 items failed") as caught:
        read(result)
    assert [str(error) for error in caught.value.exceptions] == ["b", "'d'"]


def test_what_there_is_can_be_had_without_raising() -> None:
    """ok, successes(), failures(), ok_values() and outcomes() keep the items' indices, or their places."""
    result = some_failed()
    assert (result.ok, result.status, len(result)) == (False, RunStatus.COMPLETED, 4)
    assert result.successes() == [(0, 10), (2, 30)]
    assert result.ok_values() == [10, 30]
    assert [(i, str(error)) for i, error in result.failures()] == [(1, "b"), (3, "'d'")]
    assert [isinstance(outcome, Exception) for outcome in result.outcomes()] == [False, True, False, True]


def test_failures_name_what_remains_to_be_done() -> None:
    """The usual line picks the items for another try."""
    items = ["a", "b", "c", "d"]
    assert [items[i] for i, _ in some_failed().failures()] == ["b", "d"]


def test_a_system_exit_in_an_item_is_a_failure_in_a_group_of_its_kind() -> None:
    """No ``except Exception`` swallows it by mistake."""
    result: ParallelResult[int] = ParallelResult(2, [0, 0], {0: SystemExit(3), 1: ValueError("b")})
    with pytest.raises(BaseExceptionGroup) as caught:
        result.raise_on_failure()
    assert not isinstance(caught.value, Exception)
    assert caught.value.subgroup(ValueError) is not None


def test_an_exception_that_several_items_raised_is_raised_once() -> None:
    """The group has no object twice; each item has its failure all the same."""
    error = ValueError("shared")
    result: ParallelResult[int] = ParallelResult(3, [0, 0, 0], dict.fromkeys(range(3), error))
    with pytest.raises(ExceptionGroup, match="3 of 3 items failed") as caught:
        result.values()
    assert caught.value.exceptions == (error,)
    assert [i for i, _ in result.failures()] == [0, 1, 2]
    assert error.__notes__ == ["in item 0; 2 other items raised the same object"]


def test_each_reading_raises_a_new_group_of_the_same_failures() -> None:
    """A group that was raised before does not grow a longer traceback."""
    result = some_failed()
    groups = []
    for _ in range(2):
        with pytest.raises(ExceptionGroup) as caught:
            result.values()
        groups.append(caught.value)
    assert groups[0] is not groups[1]
    assert groups[0].exceptions == groups[1].exceptions


# --- Notes ---


def test_a_failure_says_which_item_it_was() -> None:
    """Index, key, argument and attempts stand in a note, by all ways to the exception and once."""
    result = some_failed(keys=["k0", "k1", "k2", "k3"], arguments={1: ["x", "y"], 3: {}}, measured={1: Measured(3)})
    for _ in range(2):
        (_, first), (_, second) = result.failures()
        assert first.__notes__ == ["in item 1, key 'k1', argument ['x', 'y'], after 3 attempts"]
        assert second.__notes__ == ["in item 3, key 'k3', argument {}"]
        with pytest.raises(ExceptionGroup) as caught:
            result.values()
        assert caught.value.exceptions == (first, second)


def test_nothing_is_said_before_somebody_looks() -> None:
    """Notes are made at the first look: a run whose failures nobody reads does not pay for them."""

    class Counting:
        looks = 0

        def __repr__(self) -> str:
            Counting.looks += 1
            return "Counting()"

    result = some_failed(arguments={1: Counting(), 3: Counting()})
    assert (result.ok, result.ok_values(), Counting.looks) == (False, [10, 30], 0)
    result.failures()
    assert Counting.looks == 2


def test_arguments_are_let_go_of_once_they_were_named() -> None:
    """A result does not keep what its items were."""

    class Big:
        pass

    big = Big()
    alive = weakref.ref(big)
    result = some_failed(arguments={1: big})
    del big
    assert alive() is not None
    result.failures()
    garbage.collect()
    assert alive() is None


def test_threads_that_look_at_once_leave_one_note(eager_switching: None) -> None:
    """Readers of one result do not disturb each other."""
    for _ in range(50):
        result = some_failed(arguments={1: "x"})
        together([result.failures] * 4)
        assert [error.__notes__ for _, error in result.failures()] == [["in item 1, argument 'x'"], ["in item 3"]]


# --- The run ended early ---


@pytest.mark.parametrize("status", ENDINGS)
def test_items_that_had_no_turn_fail_with_the_reason_of_the_end(status: RunStatus) -> None:
    """One exception stands for all of them, after the failures of those that had one, which keep their own."""
    result = cut_short(status, reason="enough")
    kind = ENDINGS[status]
    with pytest.raises(ExceptionGroup, match="1 of 5 items failed") as caught:
        list(result)
    failure, ending = caught.value.exceptions
    assert (type(failure), type(ending)) == (ValueError, kind)
    assert str(ending) == f"{status.value} before 3 of 5 items had their turn: enough"
    assert [(i, type(error)) for i, error in result.failures()] == [(1, kind), (2, ValueError), (3, kind), (4, kind)]
    assert result.successes() == [(0, 10)]


def test_what_ended_the_run_is_the_cause() -> None:
    """An exception given as the reason, such as the source's own, is chained."""
    error = OSError("the disk is gone")
    result = cut_short(RunStatus.ABORTED, reason=error)
    ending = result.failures()[0][1]
    assert ending.__cause__ is error
    assert str(ending).endswith(": the disk is gone")
    assert str(cut_short(RunStatus.CANCELLED, reason=KeyboardInterrupt()).failures()[0][1]).endswith(": KeyboardInterrupt()")


def test_a_timeout_can_be_caught_by_its_usual_name() -> None:
    """``except* TimeoutError`` finds a run that took too long."""
    caught: list[BaseException] = []
    try:
        cut_short().values()
    except* TimeoutError as group:
        caught += group.exceptions
    except* ValueError:
        pass
    assert [isinstance(error, LightworkError) for error in caught] == [True]


def test_a_run_that_ended_early_is_not_ok_even_if_all_that_ran_is_well() -> None:
    """An unsized source whose end nobody saw leaves a shorter result, which says that it is one."""
    result = ParallelResult(None, [1, 2], {}, RunStatus.CANCELLED)
    assert (result.ok, result.ok_values(), result.failures()) == (False, [1, 2], [])
    with pytest.raises(ExceptionGroup) as caught:
        result.raise_on_failure()
    assert [type(error) for error in caught.value.exceptions] == [Cancelled]


def test_a_result_that_lacks_values_is_not_ok_whatever_it_is_called() -> None:
    """A run that says it completed, and brought in less than it had items, is not taken at its word."""
    result: ParallelResult[int] = ParallelResult(3, [1], {2: ValueError()})
    assert (result.ok, len(result), result.successes()) == (False, 3, [(0, 1)])
    assert [(i, type(error)) for i, error in result.failures()] == [(1, Aborted), (2, ValueError)]
    assert repr(result).startswith("<ParallelResult: 1 of 3 ok")
    with pytest.raises(ExceptionGroup):
        list(result)


# --- One by one ---


def test_all_that_is_known_of_an_item_is_in_its_result() -> None:
    """Value or error, key, attempts and times; an item that had no turn has had no attempt."""
    measured = [Measured(1, 0.5, 0.1), Measured(0), Measured(3, 2.0, 0.2)]
    first, second, third, *_ = cut_short(measured=measured, keys={0: "a", 2: "c"}).item_results()
    assert (first.index, first.key, first.value, first.error, first.attempts, first.duration, first.queued) == (0, "a", 10, None, 1, 0.5, 0.1)
    assert (second.key, second.value, type(second.error), second.attempts, second.duration) == (None, None, TimedOut, 0, None)
    assert (third.key, str(third.error), third.attempts, third.duration) == ("c", "c", 3, 2.0)


def test_what_was_not_measured_is_not_made_up() -> None:
    """An item of the fast path was called once, and its time is not known; one without a turn was not called."""
    done, failed, *waiting = ParallelResult(4, [1, None], {1: ValueError()}, RunStatus.ABORTED).item_results()
    assert [(item.attempts, item.duration, item.queued) for item in (done, failed)] == [(1, None, None)] * 2
    assert [item.attempts for item in waiting] == [0, 0]


# --- In another order ---


def test_items_are_presented_in_the_order_that_was_asked_for() -> None:
    """In the order of completion, say: values and indices go together, and indexing agrees with iteration."""
    result = ParallelResult(None, ["a", "b", "c"], {}, order=[2, 0, 1])
    assert list(result) == result.values() == result.ok_values() == result.outcomes() == ["c", "a", "b"]
    assert (result[0], result[-1], result[1:]) == ("c", "b", ["a", "b"])
    assert result.successes() == [(2, "c"), (0, "a"), (1, "b")]


def test_items_that_are_not_in_the_order_come_last() -> None:
    """Those whose turn did not come did not end."""
    result = ParallelResult(4, ["a", MISSING, "c"], {}, RunStatus.CANCELLED, order=[2, 0])
    assert [item.index for item in result.item_results()] == [2, 0, 1, 3]
    assert result.successes() == [(2, "c"), (0, "a")]


OUTCOMES = st.lists(st.sampled_from(["value", "failure", "no turn"]), max_size=12)


@examples(200)
@given(outcomes=OUTCOMES, status=st.sampled_from(RunStatus), data=st.data())
def test_every_item_is_either_a_success_or_a_failure(outcomes: list[str], status: RunStatus, data: st.DataObject) -> None:
    """Successes and failures are all items, each once; outcomes, item results and values tell the same."""
    if status is RunStatus.COMPLETED:
        outcomes = ["value" if outcome == "no turn" else outcome for outcome in outcomes]
    values = [i * 10 if outcome == "value" else MISSING for i, outcome in enumerate(outcomes)]
    failures = {i: ValueError(i) for i, outcome in enumerate(outcomes) if outcome == "failure"}
    order = data.draw(st.none() | st.permutations(range(len(outcomes))))
    result = ParallelResult(None, values, failures, status, order=order)
    successes, failed = dict(result.successes()), dict(result.failures())
    assert sorted([*successes, *failed]) == list(range(len(outcomes)))
    assert successes == {i: i * 10 for i, outcome in enumerate(outcomes) if outcome == "value"}
    assert {i for i, error in failed.items() if isinstance(error, ValueError)} == set(failures)
    assert [item.index for item in result.item_results()] == list(order or range(len(outcomes)))
    assert [item.outcome for item in result.item_results()] == result.outcomes()
    assert result.ok == (status is RunStatus.COMPLETED and not failures)
    if result.ok:
        assert result.values() == [successes[i] for i in order or range(len(outcomes))]


# --- To look at, and to send away ---


def test_a_good_result_shows_its_values_cut_short() -> None:
    """A million values fit a line."""
    assert repr(ParallelResult(None, [2, 4, 6], {})) == "ParallelResult([2, 4, 6])"
    assert repr(ParallelResult(None, list(range(1_000_000)), {})) == "ParallelResult([0, 1, 2, 3, 4, 5, ...])"


def test_a_bad_result_shows_how_bad_it_is() -> None:
    """Its repr counts and shows the first failure, and does not raise."""
    assert repr(some_failed()) == "<ParallelResult: 2 of 4 ok, completed, first failure in item 1: ValueError('b')>"
    assert repr(cut_short()).startswith("<ParallelResult: 1 of 5 ok, timed out, first failure in item 1: TimedOut(")


def test_a_notebook_shows_a_table_of_failures() -> None:
    """The HTML has a row for each of the first ten, says how many there are besides, and lets nothing of theirs be markup."""
    failures: dict[int, BaseException] = {i: ValueError("<script>") for i in range(12)}
    html = ParallelResult(20, list(range(20)), failures, keys=["<b>"] * 20)._repr_html_()
    assert "8 of 20 ok, completed" in html
    assert html.count("<tr>") == 11
    assert "and 2 more" in html
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<table>" not in ParallelResult(None, [1], {})._repr_html_()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_result_travels_with_its_notes(protocol: int) -> None:
    """The copy has the same values, failures and status, and the arguments, which may not travel, are left behind."""
    result = cut_short(arguments={2: threading.Lock()}, keys=["a", "b", "c"], measured={2: Measured(2)}, reason="late")
    copy = pickle.loads(pickle.dumps(result, protocol))
    assert (copy.status, copy.successes(), len(copy)) == (result.status, result.successes(), 5)
    assert [(i, type(error), str(error)) for i, error in copy.failures()] == [(i, type(error), str(error)) for i, error in result.failures()]
    assert copy.failures()[1][1].__notes__ == result.failures()[1][1].__notes__
    assert [item.attempts for item in copy.item_results()] == [1, 0, 2, 0, 0]


def test_a_result_that_was_raised_from_is_no_cycle() -> None:
    """What a failed run holds is gone with its last reader, without waiting for the garbage collector."""

    class Value:
        pass

    def read(result: ParallelResult[Value]) -> None:
        with pytest.raises(ExceptionGroup):
            result.values()

    value = Value()
    alive = weakref.ref(value)
    gc.disable()
    try:
        read(ParallelResult(None, [value, MISSING], {1: ValueError()}))
        del value
        assert alive() is None
    finally:
        gc.enable()
