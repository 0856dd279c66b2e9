"""What chunks cannot serve goes to NumPy itself: objects, subclasses, generalised ufuncs, other people's protocols."""

from typing import Any

import numpy as np
import pytest
from bits import assert_like_numpy, assert_same_bits, outcome_of
from strategies import values

from lightwork import chunked_map

TUNING: dict[str, Any] = {"chunk_size": 4, "workers": 2}


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.equal], ids=lambda ufunc: ufunc.__name__)
def test_objects_are_numpys_own(ufunc: np.ufunc) -> None:
    """Arrays of Python objects give what NumPy gives, mixed with numbers or not."""
    objects = np.array([1, 2.5, 10**30, True, -3, 7, 8, 9, 0, 4], dtype=object)
    assert_like_numpy(ufunc, objects, objects[::-1], **TUNING)
    assert_like_numpy(ufunc, objects, np.arange(10), **TUNING)
    assert_like_numpy(ufunc, np.arange(10), 2, dtype=object, **TUNING)


def test_an_error_of_an_object_is_the_objects() -> None:
    """What an object's operator raises is raised as NumPy raises it."""
    assert_like_numpy(np.add, np.array([1, None] * 9, dtype=object), 1, **TUNING)


STRINGS = ["ab", "", "żółw", "abc  ", "x" * 40, "ab"] * 3


@pytest.mark.parametrize("dtype", ["U", np.dtypes.StringDType()], ids=["fixed", "variable"])
@pytest.mark.parametrize("ufunc", [np.add, np.equal, np.less, np.strings.str_len, np.strings.isalpha])
def test_strings_are_text_to_each_loop(ufunc: np.ufunc, dtype: Any) -> None:
    """Text of fixed and of variable width is added, compared and measured as NumPy does it."""
    text = np.array(STRINGS, dtype)
    assert_like_numpy(ufunc, *(text, text[::-1])[: ufunc.nin], **TUNING)


def test_bytes_and_structures() -> None:
    """Bytes compare; structures are refused in NumPy's words."""
    data = np.array([word.encode() for word in STRINGS])
    assert_like_numpy(np.equal, data, data[::-1], **TUNING)
    assert_like_numpy(np.add, np.zeros(9, "i4,f8"), np.zeros(9, "i4,f8"), **TUNING)


@pytest.mark.parametrize("inputs", [
    (np.arange(24.0).reshape(2, 3, 4), np.arange(8.0).reshape(4, 2)),
    (np.arange(5.0), np.arange(5.0)),
    (np.ones((2, 3)), np.ones((2, 3))),
], ids=["stack", "vectors", "misfit"])  # fmt: skip
def test_a_generalised_ufunc_is_numpys_own(inputs: tuple[Any, Any]) -> None:
    """``matmul`` and its kind work on cores, not on items, and go to NumPy."""
    assert_like_numpy(np.matmul, *inputs, **TUNING)
    assert_like_numpy(np.vecdot, *inputs, **TUNING)


ARRAY_LIKES: dict[str, Any] = {
    "list": [1, 2.5, 3] * 5,
    "nested tuple": ((1, 2), (3, 4), (5, 6)),
    "range": range(20),
    "number": 4,
    "bool": True,
    "memoryview": memoryview(b"0123456789"),
    "None": None,
    "text": "12",
    "dict": {"a": 1},
    "generator": (x for x in range(9)),
}


@pytest.mark.parametrize("like", ARRAY_LIKES)
def test_array_likes_are_read_as_numpy_reads_them(like: str) -> None:
    """What NumPy can make an array of is an array, and what it cannot is refused alike."""
    assert_like_numpy(np.sqrt, ARRAY_LIKES[like], **TUNING)
    assert_like_numpy(np.add, ARRAY_LIKES[like], 1.5, **TUNING)


class WithArray:
    """An object that turns into an array when asked."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.arange(20.0, dtype=dtype)


class WithBuffers:
    """An object that describes its memory by ``__array_interface__``."""

    _kept = np.arange(20.0)
    __array_interface__ = _kept.__array_interface__


@pytest.mark.parametrize("kind", [WithArray, WithBuffers])
def test_objects_that_are_arrays_inside(kind: type) -> None:
    """``__array__`` and ``__array_interface__`` are honoured."""
    assert_like_numpy(np.sqrt, kind(), **TUNING)
    assert_like_numpy(np.add, kind(), np.arange(20), **TUNING)


def test_masked_arrays_keep_their_mask() -> None:
    """A masked array comes back masked, hidden values and warnings as NumPy leaves them."""
    masked = np.ma.array(values("d", 40), mask=np.arange(40) % 3 == 0)
    for ufunc in (np.sqrt, np.negative, np.isnan):
        assert_like_numpy(ufunc, masked, **TUNING)
    assert_like_numpy(np.divide, masked, np.zeros(40), **TUNING)
    assert_like_numpy(np.divide, 1.0, masked, **TUNING)


def test_matrices_stay_matrices() -> None:
    """``np.matrix`` wraps its results, also beside a plain array."""
    matrix = np.arange(20.0).reshape(4, 5).view(np.matrix)
    assert_like_numpy(np.sqrt, matrix, **TUNING)
    assert_like_numpy(np.add, np.ones((4, 5)), matrix, **TUNING)
    assert_like_numpy(np.modf, matrix, **TUNING)


def test_memory_maps_are_read(tmp_path: Any) -> None:
    """A file mapped read-only is an input like any other, of NumPy's result type."""
    values("d", 1000).tofile(tmp_path / "data")
    mapped = np.memmap(tmp_path / "data", dtype="f8", mode="r")
    assert_like_numpy(np.sqrt, mapped, chunk_size=100, workers=2)
    assert_like_numpy(np.sqrt, mapped[0], **TUNING)


class Wrapped(np.ndarray):
    """A subclass that counts how its results were wrapped, and outranks ``ndarray``."""

    __array_priority__ = 20.0
    note = "fresh"

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Mark what was wrapped, and by which ufunc."""
        wrapped = array.view(type(self))
        wrapped.note = f"wrapped after {context[0].__name__}, {len(context[1])} inputs, output {context[2]}"
        return wrapped


@pytest.mark.parametrize("ufunc", [np.sqrt, np.modf, np.add], ids=lambda ufunc: ufunc.__name__)
def test_a_subclass_wraps_its_results(ufunc: np.ufunc) -> None:
    """``__array_wrap__`` and ``__array_priority__`` decide the result's type, with the context that NumPy gives."""
    inputs = (np.arange(20.0).view(Wrapped), np.ones(20))[: ufunc.nin]
    assert_like_numpy(ufunc, *inputs, **TUNING)
    ours, numpys = chunked_map(ufunc, *inputs, **TUNING), ufunc(*inputs)
    notes = [[result.note for result in (got if isinstance(got, tuple) else (got,))] for got in (ours, numpys)]
    assert notes[0] == notes[1]


class Overriding:
    """An object that takes ufuncs over."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        """Remember the call."""
        self.calls.append((ufunc, method, inputs, keywords))
        return "taken over"


def test_an_override_takes_the_call_over() -> None:
    """``__array_ufunc__`` is asked once, with the call that NumPy would have been given."""
    numbers = np.arange(9.0)
    mine: Any = Overriding()
    numpys: Any = Overriding()
    assert chunked_map(np.add, numbers, mine, dtype=np.float32, **TUNING) == "taken over"
    np.add(numbers, numpys, dtype=np.float32)
    ((ufunc, method, inputs, keywords),) = mine.calls
    assert (ufunc, method, inputs, keywords) == (np.add, "__call__", (numbers, mine), numpys.calls[0][3])


def test_an_override_as_out_takes_the_call_over() -> None:
    """An ``out`` with ``__array_ufunc__`` is asked as well."""
    mine: Any = Overriding()
    numpys: Any = Overriding()
    assert chunked_map(np.sqrt, 4.0, out=mine, **TUNING) == np.sqrt(4.0, out=numpys) == "taken over"
    assert mine.calls[0][3] == {"out": (mine,)} and numpys.calls[0][3] == {"out": (numpys,)}


class Unwilling:
    """An object that is no operand."""

    __array_ufunc__ = None


def test_an_opted_out_operand_is_refused() -> None:
    """``__array_ufunc__ = None`` is NumPy's TypeError."""
    assert_like_numpy(np.add, np.arange(9.0), Unwilling(), **TUNING)
    assert outcome_of(chunked_map, np.add, np.arange(9.0), Unwilling()).error is not None


def test_a_ufunc_of_python_code_runs() -> None:
    """``np.frompyfunc`` needs the GIL, and gets it."""
    double = np.frompyfunc(lambda x: 2 * x, 1, 1)
    assert_like_numpy(double, np.arange(50), **TUNING)
    sum_and_difference = np.frompyfunc(lambda x, y: (x + y, x - y), 2, 2)
    assert_like_numpy(sum_and_difference, np.arange(50), np.arange(50.0), **TUNING)


def test_an_error_in_a_ufunc_of_python_code() -> None:
    """What its function raises is what the call raises."""
    assert_like_numpy(np.frompyfunc(lambda x: 1 // x, 1, 1), np.arange(-20, 20), **TUNING)


def test_a_vectorized_function_is_a_callable() -> None:
    """``np.vectorize`` is no ufunc: it is run chunk by chunk."""
    clamp = np.vectorize(lambda x: min(x, 10), otypes="d")
    assert_same_bits(chunked_map(clamp, np.arange(30.0), **TUNING), clamp(np.arange(30.0)))
