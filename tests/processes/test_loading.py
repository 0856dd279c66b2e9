"""Arrays on their way to another process and back: what arrives is what was sent."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import NUMERIC, Operand, examples, operands

import lightwork as lw
from lightwork.processes import dumping
from lightwork.processes.answer import Answer, answer_with
from lightwork.processes.layout import dense
from lightwork.processes.loading import loads
from lightwork.processes.segment import Segment
from lightwork.processes.segments import Segments, Shipment

Array = npt.NDArray[Any]
TIMES = ("M8[ns]", "m8[3D]")
N_LARGE = dumping.LARGE // 8


@pytest.fixture(params=["inline", "in segments"])
def everywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays of one byte go where large ones go, or all go where small ones go."""
    limit = 1 if request.param == "in segments" else 1 << 40
    for module in ("segments", "answer"):
        monkeypatch.setattr(f"lightwork.processes.{module}.LARGE", limit)


def sent(obj: Any) -> Any:
    """Return an object as a worker gets it."""
    with Segments() as segments:
        return loads(segments.dumps(obj).payload)


def returned(obj: Any) -> Any:
    """Return an object as it comes back from a worker."""
    with Answer() as answer:
        return answer.loads(answer_with(obj, answer.token))


def assert_same(one: Array, other: Array) -> None:
    """Bits, dtype, shape, flags and the order of the axes in memory are the same, and the strides unless there is too much in between."""
    assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    assert one.dtype.str == other.dtype.str
    assert one.flags.writeable == other.flags.writeable
    assert axes_of(one) == axes_of(other)
    if dense(other) is other:
        assert (one.strides, one.flags.aligned) == (other.strides, other.flags.aligned)


def axes_of(array: Array) -> list[int]:
    """Return the axes from the innermost to the outermost, of those along which there are several items."""
    steps = {axis: abs(step) for axis, step in enumerate(array.strides) if array.shape[axis] > 1 and array.size}
    return sorted(steps, key=lambda axis: steps[axis])


def shapes() -> st.SearchStrategy[tuple[int, ...]]:
    """Small ones, empty and 0-d ones among them."""
    return st.lists(st.integers(0, 5), max_size=4).map(tuple)


def recipes() -> st.SearchStrategy[Operand]:
    """Any layout of any dtype."""
    return shapes().flatmap(lambda shape: operands(shape, (*NUMERIC, *TIMES)))


@pytest.mark.parametrize("limit", [1, 1 << 40], ids=["in segments", "inline"])
@pytest.mark.parametrize("way", [sent, returned])
def test_any_array_arrives_as_it_was(way: Any, limit: int) -> None:
    """Whatever its dtype and strides, whether it is read-only or aligned, and whether it counts as large."""

    @given(recipes())
    @examples(150)
    def check(recipe: Operand) -> None:
        array = recipe.build()
        assert_same(way(array), array)

    with pytest.MonkeyPatch.context() as patch:
        for module in ("segments", "answer"):
            patch.setattr(f"lightwork.processes.{module}.LARGE", limit)
        check()


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("way", [sent, returned])
@pytest.mark.parametrize("offset", [1, 8])
def test_arrays_in_other_objects_are_as_aligned_as_they_were(way: Any, offset: int) -> None:
    """A buffer may begin anywhere."""
    array = np.frombuffer(bytes(range(168)), np.longdouble, 10, offset)
    assert_same(way(array), array)


STRUCTURED = np.array([(1, 2.5, b"a"), (-3, np.nan, b"bc")], dtype=[("i", "i2"), ("x", "f8"), ("s", "S3")])
OTHERS = {
    "structured": STRUCTURED,
    "a field": STRUCTURED["x"],
    "bytes": np.array([b"one", b"two"]),
    "text": np.array(["one", "zwei", "drei"]),
    "void": np.zeros(3, "V5"),
    "nothing wide": np.zeros(3, "S0"),
    "big-endian times": np.array(["2001-02-03", "NaT"], ">M8[D]"),
    "sub-arrays": np.zeros(2, [("a", "f4", (2, 3))]),
}


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("way", [sent, returned])
@pytest.mark.parametrize("kind", OTHERS)
def test_other_dtypes_arrive_as_they_were(kind: str, way: Any) -> None:
    """Dtypes that are no numbers have bytes as well."""
    assert_same(way(OTHERS[kind]), OTHERS[kind])


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("way", [sent, returned])
def test_arrays_of_objects_and_subclasses_arrive_as_pickling_has_them(way: Any) -> None:
    """Objects, variable-width text, matrices and masked arrays are pickled as ever."""
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    objects, text, matrix, other = way([np.array([1, "a", None], object), np.array(["a", "bcd"], "T"), np.eye(2).view(np.matrix), masked])
    assert objects.tolist() == [1, "a", None]
    assert text.dtype == np.dtypes.StringDType() and text.tolist() == ["a", "bcd"]
    assert type(matrix) is np.matrix and (matrix == np.eye(2)).all()
    assert type(other) is type(masked) and other.mask.tolist() == [True, False]


@pytest.mark.parametrize("n_items", [8, 2 * N_LARGE])
def test_what_an_array_may_do_does_not_depend_on_its_size(n_items: int) -> None:
    """One that can be written to arrives as the worker's own, and one that cannot cannot be there."""
    original = np.zeros(n_items)
    frozen = np.zeros(n_items)
    frozen.flags.writeable = False
    mine, theirs = sent((original, frozen))
    mine[:] = 1
    assert not original.any()
    with pytest.raises(ValueError, match="read-only"):
        theirs[0] = 1


@pytest.mark.parametrize("n_items", [8, 2 * N_LARGE])
def test_loads_do_not_see_what_another_did_to_its_array(n_items: int) -> None:
    """A second worker, or a second attempt, finds the array as it was sent."""
    with Segments() as segments:
        payload = segments.dumps(np.zeros(n_items)).payload
        loads(payload)[:] = 1
        assert not loads(payload).any()


def test_an_array_that_is_there_twice_is_one_array_there() -> None:
    """As in any pickle; a thousand items that have it in common take its room once."""
    array = np.arange(float(N_LARGE))
    with Segments() as segments:
        shipment = segments.dumps([(array, i) for i in range(1000)])
        items = loads(shipment.payload)
        assert all(item[0] is items[0][0] for item in items)
        assert sum(segment.n_bytes for segment in shipment.segments) == array.nbytes


def test_an_array_is_stored_once_for_all_shipments() -> None:
    """What is sent again is where it was put the first time."""
    array = np.arange(float(N_LARGE))
    with Segments() as segments:
        first, second = segments.dumps(array), segments.dumps([array])
        assert first.segments == second.segments
        segments.release(first)
        assert (loads(second.payload)[0] == array).all()


def test_views_of_one_array_share_its_place() -> None:
    """They lie in one segment, as large as the array, of which only what they show is filled."""
    array = np.arange(8.0 * N_LARGE)
    with Segments() as segments:
        views = [array[N_LARGE : 2 * N_LARGE], array[::-1], array[: 4 * N_LARGE].reshape(2, -1).T, array]
        shipments = [segments.dumps(view) for view in views]
        assert len(set().union(*(shipment.segments for shipment in shipments))) == 1
        for shipment, view in zip(shipments, views, strict=True):
            assert (loads(shipment.payload) == view).all()


SPANS = st.tuples(st.integers(0, 400), st.integers(0, 400), st.sampled_from((1, 2, -1, -2))).map(lambda span: slice(*span))


@given(st.lists(SPANS, min_size=1, max_size=12))
@examples(100)
def test_any_views_of_one_array_in_any_order_arrive(spans: list[slice]) -> None:
    """Each brings what was not there yet, and nothing is brought twice."""
    array = np.arange(400.0)
    with pytest.MonkeyPatch.context() as patch, Segments() as segments:
        patch.setattr("lightwork.processes.segments.LARGE", 1)
        payloads = [segments.dumps(array[span]).payload for span in spans]
        array[:] = -1  # they have been read
        for span, payload in zip(spans, payloads, strict=True):
            np.testing.assert_array_equal(loads(payload), np.arange(400.0)[span])


def test_many_threads_may_send_at_a_time() -> None:
    """What one of them stores the others find."""
    array = np.arange(4.0 * N_LARGE)
    with Segments() as segments, ThreadPoolExecutor(4) as pool:
        gate = threading.Barrier(4)

        def send(part: int) -> float:
            gate.wait()
            for _ in range(20):
                shipment = segments.dumps([array, array[part * N_LARGE :]])
                total = float(loads(shipment.payload)[1].sum())
                segments.release(shipment)
            return total

        assert list(pool.map(send, range(4))) == [float(array[part * N_LARGE :].sum()) for part in range(4)]
        assert sum(segment.n_bytes for segment in segments.dumps(array).segments) == array.nbytes


def test_few_items_of_a_large_array_take_little_room() -> None:
    """A column travels as a copy of itself, not with the array around it."""
    array = np.zeros((N_LARGE, 100))
    with Segments() as segments:
        shipment = segments.dumps(array[:, 3])
        assert sum(segment.n_bytes for segment in shipment.segments) == 8 * N_LARGE
        assert loads(shipment.payload).shape == (N_LARGE,)


def test_another_array_at_the_address_of_one_that_is_gone_is_sent() -> None:
    """Nothing is taken for what was there before."""
    with Segments() as segments:
        for number in range(20):
            assert (loads(segments.dumps(np.full(N_LARGE, float(number))).payload) == number).all()


def n_files() -> int:
    """Return how many files are open here."""
    return len(os.listdir("/proc/self/fd"))


def test_what_nobody_needs_any_more_is_let_go_of() -> None:
    """An endless stream of arrays takes as much room as those that are out."""
    before = n_files()
    with Segments() as segments:
        shipments = deque[Shipment]()
        for number in range(20):
            shipments.append(segments.dumps([np.full(N_LARGE, float(number)), np.ones(N_LARGE)]))
            assert (loads(shipments[-1].payload)[0] == number).all()
            if number >= 3:
                segments.release(shipments.popleft())
        assert n_files() == before + 3
        for shipment in shipments:
            segments.release(shipment)
            segments.release(shipment)  # which changes nothing
        assert n_files() == before


def test_an_array_stays_as_long_as_somebody_needs_it() -> None:
    """It is put there once for all whose time with it overlaps."""
    array, other = np.ones(N_LARGE), np.ones(N_LARGE)
    with Segments() as segments:
        first = segments.dumps([array, other])
        second, third = segments.dumps(array), segments.dumps(array)
        assert second.segments == third.segments == first.segments
        segments.release(first)
        segments.release(second)
        assert (loads(third.payload) == 1).all()
        assert segments.dumps(array).segments == third.segments


def test_an_array_that_nobody_needs_any_more_may_change() -> None:
    """It is sent anew then; so are parts of one of which others need other parts, and all views of it that go together are views of one."""
    buffer = np.zeros(2 * N_LARGE)
    one, other = buffer[:N_LARGE], buffer[N_LARGE:]
    with Segments() as segments:
        first, second = segments.dumps(one), segments.dumps(other)
        seen = loads(first.payload)
        segments.release(first)
        one[:] = 1
        third = segments.dumps([one, buffer])
        loaded, around = loads(third.payload)
        assert (loaded == 1).all() and (around == buffer).all() and np.shares_memory(loaded, around)
        assert not seen.any()  # what somebody has kept is not changed
        assert not loads(second.payload).any()
        assert segments.dumps(other).segments == third.segments


def test_what_the_call_sent_ends_with_it() -> None:
    """Who loads it later is told so, also if something else has its place by then."""
    with Segments() as segments:
        shipment = segments.dumps(np.zeros(N_LARGE))
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match="the call that these arrays belong to has ended"):
            loads(shipment.payload)
        again = Segments()
        again.dumps(np.zeros(N_LARGE))


def test_what_was_loaded_outlives_the_call() -> None:
    """A worker keeps what it has."""
    assert (sent(np.arange(float(N_LARGE))) == np.arange(float(N_LARGE))).all()


def test_who_knows_nothing_of_this_can_load_it() -> None:
    """The pickle is an ordinary one."""
    with Segments() as segments:
        array = pickle.loads(segments.dumps(np.arange(float(N_LARGE))).payload)
    assert (array == np.arange(float(N_LARGE))).all()


def test_a_failure_to_pickle_is_raised() -> None:
    """And the next shipment goes."""
    with Segments() as segments:
        with pytest.raises(TypeError, match="cannot pickle"):
            segments.dumps([np.zeros(N_LARGE), threading.Lock()])
        assert not loads(segments.dumps(np.zeros(N_LARGE)).payload).any()


def test_an_answer_needs_whom_it_was_made_for() -> None:
    """Its large arrays are with who asked."""
    with Answer() as answer, pytest.raises(pickle.UnpicklingError, match="by the Answer that they were made for"):
        pickle.loads(answer_with(np.zeros(N_LARGE), answer.token))


# --- Shared arrays --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f8", ">i2", "M8[s]", [("a", "i4"), ("b", "f8")]])
def test_shared_empty_is_an_array_like_others(dtype: Any, order: Any) -> None:
    """Of any dtype and order, and zero at first."""
    array, expected = lw.shared_empty((3, 4), dtype, order), np.zeros((3, 4), dtype, order)
    assert_same(array, expected)
    assert array.strides == expected.strides


@pytest.mark.parametrize("shape", [(), 0, (3, 0)])
def test_shared_arrays_may_be_empty(shape: Any) -> None:
    """Or have no dimensions."""
    assert lw.shared_empty(shape).shape == np.empty(shape).shape


def test_shared_arrays_are_not_copied() -> None:
    """Neither they nor their views take any room; a worker sees them where they are, and changes pages of its own."""
    array = lw.shared_empty(2 * N_LARGE)
    array[:] = 1
    with Segments() as segments:
        shipment = segments.dumps([array, array[1::2], array.reshape(2, -1)[:, :N_LARGE]])
        assert not shipment.segments
        there = loads(shipment.payload)
        there[0][:] = 2
        assert (array == 1).all()


def test_shared_arrays_that_are_sent_to_be_written_to_are() -> None:
    """What a worker writes is in the array, and in what others see of it."""
    array = lw.shared_empty((10, N_LARGE))
    with Segments() as segments:
        loads(segments.dumps([array[:, 3]], in_place=[array]).payload)[0][:] = 7
    assert (array[:, 3] == 7).all() and array.sum() == 70


def test_shared_arrays_cannot_have_objects() -> None:
    """The error says of which dtype they cannot be."""
    with pytest.raises(TypeError, match="items of dtype object cannot be shared between processes"):
        lw.shared_empty(3, object)


def test_shared_arrays_end_with_their_last_view() -> None:
    """Nobody has to close anything."""
    n_files = len(os.listdir("/proc/self/fd"))
    view = lw.shared_empty(100)[10:20]
    view[:] = 1
    assert len(os.listdir("/proc/self/fd")) > n_files
    del view
    assert len(os.listdir("/proc/self/fd")) == n_files


# --- Mapped files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_mapped_files_are_mapped_there_too(tmp_path: Path, mode: Any) -> None:
    """Nothing of them is copied, wherever in the file a view begins; and what a worker does to its array is not done to the file."""
    numbers = np.arange(3.0 * N_LARGE)
    numbers.tofile(tmp_path / "numbers")
    mapped = np.memmap(tmp_path / "numbers", float, mode, offset=80)
    with Segments() as segments:
        shipment = segments.dumps([mapped, mapped[5:][::2], mapped.reshape(-1, 2)[:, 1]])
        assert not shipment.segments
        there = loads(shipment.payload)
    for one, expected in zip(there, [numbers[10:], numbers[15::2], numbers[11::2]], strict=True):
        np.testing.assert_array_equal(one, expected)
        assert one.flags.writeable == (mode == "r+")
    if mode == "r+":
        there[0][:] = 0
    assert (np.fromfile(tmp_path / "numbers") == numbers).all()


@pytest.mark.parametrize("what", ["changed in memory only", "removed", "replaced"])
def test_mapped_files_that_others_would_see_otherwise_are_sent(tmp_path: Path, what: str) -> None:
    """What counts is what the caller sees."""
    path = tmp_path / "numbers"
    np.ones(N_LARGE).tofile(path)
    mapped = np.memmap(path, float, "c" if what == "changed in memory only" else "r+")
    mapped[:] = 2
    if what != "changed in memory only":
        path.unlink()
    if what == "replaced":
        np.ones(N_LARGE).tofile(path)
    assert (sent(mapped) == 2).all()


# --- Room -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A directory that is configured as the place of shared arrays, and is empty again in the end."""
    with lw.configure(shared_memory=tmp_path):
        yield tmp_path
    assert not [*tmp_path.iterdir()]


def test_a_directory_can_be_configured(directory: Path) -> None:
    """Arrays travel by way of its file system, in files that it does not show."""
    array = lw.shared_empty(N_LARGE)
    array[:] = np.arange(N_LARGE)
    with Segments() as segments:
        payload = segments.dumps([array, array + 1]).payload
        one, other = loads(payload)
    assert (other == one + 1).all() and (one == array).all()
    assert (returned(array) == array).all()


@pytest.mark.parametrize("path", ["/nowhere/at all", __file__])
def test_what_is_no_directory_cannot_be_configured(path: str) -> None:
    """It is refused at once, by its name."""
    with pytest.raises(ValueError, match="shared_memory must be a directory that can be written to, not '/"):
        lw.configure(shared_memory=path)


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A system that shows nobody another's open files, so that segments need names."""
    monkeypatch.setattr("lightwork.processes.files.OPEN_FILES", tmp_path / "no such thing")
    with lw.configure(shared_memory=tmp_path):
        yield tmp_path
    assert not [*tmp_path.iterdir()]


def test_where_files_need_names_they_are_removed(named: Path) -> None:
    """As soon as the call, or the array, is gone."""
    array = lw.shared_empty(N_LARGE)
    with Segments() as segments:
        payload = segments.dumps([array, np.ones(N_LARGE)]).payload
        assert len([*named.iterdir()]) == 2
        assert loads(payload)[1].sum() == N_LARGE
    assert len([*named.iterdir()]) == 1


def test_files_of_processes_that_were_killed_are_removed(named: Path) -> None:
    """By the next one that needs a file; those of others that live are theirs."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    (named / f"lightwork-{process.pid}-x").touch()
    (named / f"lightwork-{os.getppid()}-x").touch()
    (named / "lightwork-notes-x").touch()
    with Segments() as segments:
        segments.dumps(np.ones(N_LARGE))
        assert {path.name for path in named.glob("*-x")} == {f"lightwork-{os.getppid()}-x", "lightwork-notes-x"}
    for path in named.glob("*-x"):
        path.unlink()


def test_a_full_directory_is_named_with_what_is_free() -> None:
    """The error says how much there is and how much it would take, and what to do."""
    shm = "/dev/shm"
    n_bytes = 2 * shutil.disk_usage(shm).total
    segment = Segment.make(shm)
    message = r"^\[Errno 28\] /dev/shm has .* MB \(\d+ bytes\) free, too little for .* MB of arrays .*; name a directory with more by"
    with pytest.raises(OSError, match=message):
        segment.reserve(segment.grow(n_bytes), n_bytes)


def test_sending_maps_nothing_here() -> None:
    """The caller's resident memory is what it was."""
    array = np.ones(100 * N_LARGE)
    before = resident_kilobytes()
    with Segments() as segments:
        segments.dumps(array)
        assert resident_kilobytes() - before < array.nbytes / 1024 / 4


def resident_kilobytes() -> int:
    """Return how much memory this process has, shared memory included."""
    (line,) = (line for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])
