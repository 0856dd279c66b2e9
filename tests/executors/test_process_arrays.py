"""Arrays among the items of worker processes, and of their functions: large ones are put into shared memory, where workers map them."""

import contextlib
import functools
import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from stories import check

import lightwork as lw
from lightwork.executors.process.worker import Worker
from lightwork.processes.segment import Segment

pytest.importorskip("loky")

Array = npt.NDArray[Any]
WORKERS = 2
LARGE = 200_000  # numbers, of 1.6 MB
SECONDS = 20


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    """Let the tests share workers, and leave none."""
    yield
    assert lw.shutdown(30)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes go to workers by pipes, function and items of a chunk together."""
    seen: list[int] = []
    run = Worker.run

    def run_counted(self: Worker, surroundings: Any, function: Any, items: bytes, done: Any) -> None:
        seen.append(len(function.data) + len(items))
        run(self, surroundings, function, items, done)

    monkeypatch.setattr(Worker, "run", run_counted)
    return seen


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Segment]:
    """The segments that are made here."""
    seen: list[Segment] = []
    make = Segment.make

    def make_noted(directory: str | None) -> Segment:
        seen.append(make(directory))
        return seen[-1]

    monkeypatch.setattr(Segment, "make", make_noted)
    return seen


def run(fn: Any, items: Any, **options: Any) -> lw.ParallelResult[Any]:
    """Run items in two processes."""
    result: lw.ParallelResult[Any] = lw.parallel_map(fn, items, executor="process", **{"workers": WORKERS, **options})
    return result


def total(array: Array) -> float:
    """Return a number that depends on all others."""
    return float(array.sum())


def looks(array: Array) -> tuple[object, ...]:
    """Return how an array looks, and its items."""
    flags = array.flags
    return array.dtype.str, array.shape, array.strides, flags.writeable, flags.aligned, flags.c_contiguous, flags.f_contiguous, array.tobytes()


def segments_of(process: object) -> list[str]:
    """Return the segments that a process has open or mapped, one for each time."""
    files = []
    for path in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed in between
            files.append(str(path.readlink()))
    maps = Path(f"/proc/{process}/maps").read_text("utf-8").splitlines()
    return [line for line in files + maps if "memfd:lightwork" in line]


def wait_until_gone(*processes: object) -> None:
    """Wait until processes have no segments any more: who brings the last chunk may not have let go yet."""
    gc.collect()
    end = time.monotonic() + SECONDS
    while any(segments_of(process) for process in processes):
        assert time.monotonic() < end, [segments_of(process) for process in processes]
        time.sleep(0.001)


# --- What arrives -----------------------------------------------------------------------------------------------------


def test_large_arrays_are_not_in_the_pickle(sizes: list[int]) -> None:
    """Wherever they are in an item, or in what the function refers to."""
    arrays = [np.full(LARGE, float(i)) for i in range(6)]
    assert list(run(total, arrays)) == [LARGE * float(i) for i in range(6)]
    assert list(run(total_of_both, [{"a": (array, [array])} for array in arrays])) == [2 * LARGE * float(i) for i in range(6)]
    assert list(run(functools.partial(np.dot, arrays[1]), arrays)) == [LARGE * float(i) for i in range(6)]
    assert list(run(lambda i: total(arrays[i]), range(6))) == [LARGE * float(i) for i in range(6)]
    assert max(sizes) < 8_000


def total_of_both(item: dict[str, tuple[Array, list[Array]]]) -> float:
    """Return what two references to an array add up to."""
    one, (other,) = item["a"]
    assert one is other
    return total(one) + total(other)


@pytest.mark.parametrize("n_items", [10, LARGE])
@pytest.mark.parametrize("dtype", ["f8", ">i4", "M8[s]", "S5", "i4,f8"])
def test_they_look_the_same_whatever_their_size(n_items: int, dtype: str) -> None:
    """Also those that are read-only, transposed, backwards or with gaps."""
    array = np.arange(4 * n_items).astype(dtype if dtype != "i4,f8" else "i4").astype(dtype)
    frozen = array[:n_items]
    frozen.flags.writeable = False
    views = [array[:n_items], frozen, array.reshape(4, -1)[:, ::-1], array.reshape(4, -1).T, np.asfortranarray(array.reshape(4, -1)), array[::2]]
    assert list(run(looks, views)) == [looks(view) for view in views]


def test_what_a_function_writes_to_its_array_is_its_own(tmp_path: Path) -> None:
    """Neither the caller sees it, nor another item that has the same one, nor the next attempt."""
    array = np.ones(LARGE)
    assert list(run(cleared, [array] * 20, chunk_size=1)) == [LARGE] * 20
    assert (array == 1).all()
    result = run(cleared_at_first, [(array, tmp_path / str(i)) for i in range(3)], retry=lw.Retry(2, backoff=0))
    assert list(result) == [LARGE] * 3 and [each.attempts for each in result.item_results()] == [2, 2, 2]
    shared = lw.shared_empty(LARGE)
    shared[:] = 1
    assert list(run(cleared, [shared] * 20, chunk_size=1)) == [LARGE] * 20
    assert (shared == 1).all()


def cleared(array: Array) -> float:
    """Return the sum of an array that is zero from now on."""
    before = total(array)
    array[:] = 0
    return before


def cleared_at_first(item: tuple[Array, Path]) -> float:
    """Fail at the first attempt, after the array is not what it was."""
    array, path = item
    before = cleared(array)
    if not path.exists():
        path.touch()
        raise ConnectionError
    return before


def test_arrays_in_shared_memory_stay_where_they_are(made: list[Segment], tmp_path: Path) -> None:
    """Those of shared_empty, their views, and those of files."""
    shared = lw.shared_empty((4, LARGE))
    shared[:] = np.arange(4.0)[:, None]
    assert len(made) == 1
    assert list(run(total, shared)) == [LARGE * float(i) for i in range(4)]
    mapped = np.memmap(tmp_path / "array", "f8", "w+", shape=(4, LARGE))
    mapped[:] = shared
    assert list(run(total, mapped)) == [LARGE * float(i) for i in range(4)]
    assert list(run(total, list(mapped))) == [LARGE * float(i) for i in range(4)]
    assert len(made) == 1


# --- How long they stay -----------------------------------------------------------------------------------------------


def test_an_array_that_was_changed_after_its_result_arrives_as_it_is() -> None:
    """A source may use it again when nobody has it any more."""
    buffer = np.zeros((2, LARGE))

    def source() -> Iterator[Array]:
        for number in range(60):
            buffer[number % 2] = number
            yield buffer[number % 2]

    # While an item is under way, the one before the last has been read, and its place in the buffer is free.
    results = lw.parallel_iter(total, source(), executor="process", workers=WORKERS, window=2, chunk_size=1, ordered=True)
    assert [each.value for each in results] == [LARGE * float(number) for number in range(60)]
    with lw.ProcessPool(1) as pool:
        for number in range(5):
            buffer[0] = number
            assert pool.submit(total, buffer[0]).result() == LARGE * number
            assert pool.submit(functools.partial(total, buffer[0])).result() == LARGE * number


def test_nothing_is_left_here_and_nothing_there() -> None:
    """When a run is over, or a stream was left, or a call of a pool has its result."""
    array = np.ones(LARGE)
    workers = set(run(pid_with(array), [array] * 8, chunk_size=1))
    assert workers
    wait_until_gone(os.getpid(), *workers)
    stream = lw.parallel_iter(pid_with(array), [array] * 100, executor="process", workers=WORKERS)
    next(stream)
    del stream
    wait_until_gone(os.getpid())
    with lw.ProcessPool(1) as pool:
        worker = pool.submit(pid_with(array), array).result()
        wait_until_gone(os.getpid())
        assert pool.submit(os.getpid).result() == worker
        with pytest.raises(TypeError, match="pickle"):
            pool.submit(pid_with(array), threading.Lock()).result()
        wait_until_gone(os.getpid())


def pid_with(array: Array) -> Any:
    """Return a function that knows an array."""
    return lambda other: os.getpid() if (other == array).all() else 0


def test_a_long_stream_takes_up_no_more_than_what_is_under_way(made: list[Segment]) -> None:
    """Segments end when what was in them has its result."""
    wait_until_gone(os.getpid())
    made.clear()
    results = lw.parallel_iter(total, (np.ones(LARGE) for _ in range(60)), executor="process", workers=WORKERS, chunk_size=1, window=4)
    n_open = [len(segments_of(os.getpid())) for _ in results]
    assert len(made) == 60
    assert max(n_open) <= 4
    wait_until_gone(os.getpid())


def test_a_function_is_mapped_once_by_a_worker(sizes: list[int]) -> None:
    """However many chunks it has."""
    array = np.ones(LARGE)
    pairs = list(run(functools.partial(pid_and_address, array), range(40), chunk_size=1))
    assert len(set(pairs)) == len({process for process, _ in pairs})
    assert len(sizes) == 40


def pid_and_address(array: Array, _item: int) -> tuple[int, int]:
    """Return who has an array, and where."""
    return os.getpid(), array.__array_interface__["data"][0]


# --- When things go wrong ---------------------------------------------------------------------------------------------


def die_at_three(item: tuple[int, Array]) -> float:
    """Be killed with one of the items."""
    number, array = item
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return total(array)


def test_a_death_costs_its_item_and_leaves_nothing() -> None:
    """The others of its chunk are sent again."""
    result = run(die_at_three, [(number, np.full(LARGE, float(number))) for number in range(12)], chunk_size=4)
    ((index, lost),) = result.failures()
    assert index == 3 and isinstance(lost, lw.WorkerLost)
    assert result.ok_values() == [LARGE * float(number) for number in range(12) if number != 3]
    del result, lost
    wait_until_gone(os.getpid())


def test_a_program_that_is_killed_leaves_nothing() -> None:
    """Its workers end, the memory with them, and there is nothing new in the directory for shared memory."""
    check("kill_amid_items")


def test_where_there_is_no_room_the_error_says_what_was_wanted(tmp_path: Path) -> None:
    """And smaller arrays go."""
    check("little_room_for_items", tmp_path)
