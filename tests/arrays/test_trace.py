"""Tracing: which functions can be traced, what they see, and what a FuseError says of the others."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from bits import assert_same_outcome, outcome_of
from strategies import values

import lightwork as lw
from lightwork import FuseError

N = 20_000
X = np.random.default_rng(3).standard_normal(N)
AWKWARD = values("d", N, seed=3)
GAIN = 2.0
TABLE = np.ones(N)


# --- What is around a function --------------------------------------------------------------------------------------


def test_globals_and_closures_are_seen_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is changed between two calls is seen, wherever it is kept."""
    offset, settings = 1.0, {"power": 2}

    def f(x: Any) -> Any:
        return x ** settings["power"] * GAIN + offset

    fused = lw.fuse(f)
    for _ in range(3):
        np.testing.assert_array_equal(fused(X), f(X))
        monkeypatch.setitem(globals(), "GAIN", GAIN + 1)
        offset += 1
        settings["power"] += 1


def test_captured_arrays_are_seen_as_they_are() -> None:
    """An array that is changed in place between two calls is seen, also where the function first computes with it alone."""
    weights = np.ones(N)
    fused = lw.fuse(lambda x: x * (weights * 2) + weights)
    for factor in (1, 2, 3):
        weights[:] = factor
        np.testing.assert_array_equal(fused(X), X * (weights * 2) + weights)


def test_branches_on_what_is_known() -> None:
    """A function may branch on shapes, dtypes and whatever is not computed."""

    def f(x: Any, deep: bool) -> Any:
        y = x * 2 if x.dtype.kind == "f" and x.ndim == 1 else x
        for _ in range(x.shape[0] // N):
            y = y + 1
        return np.sin(y) if deep else y

    fused = lw.fuse(f)
    for deep in (True, False):
        np.testing.assert_array_equal(fused(X, deep), f(X, deep))


def test_one_call_runs_the_function_once() -> None:
    """What the function does besides is done once a call."""
    calls = []

    def f(x: Any) -> Any:
        calls.append(x)
        return x + 1

    fused = lw.fuse(f)
    for expected in (1, 2, 3):
        fused(X)
        assert len(calls) == expected


def test_common_parts_are_computed_once() -> None:
    """What is computed twice of the same is one step; its warnings come as often as NumPy's."""

    def f(x: Any) -> Any:
        return np.log(x) * 2 + np.log(x)

    fused = lw.fuse(f)
    assert_same_outcome(outcome_of(fused, -np.abs(X)), outcome_of(f, -np.abs(X)))
    assert [step.name for step in fused.explain().programs[0].steps] == ["log", "multiply", "add"]


def test_a_function_may_ask_whether_it_is_given_an_array() -> None:
    """A placeholder is an instance of what it stands for, so a branch on that is the branch that NumPy's array takes."""

    def f(x: Any) -> Any:
        return x * 2 if isinstance(x, np.ndarray) and isinstance(x + 1, np.ndarray) else x * 3

    np.testing.assert_array_equal(lw.fuse(f)(X), f(X))


# --- Values of its own ----------------------------------------------------------------------------------------------


def test_other_names_of_what_is_changed_in_place() -> None:
    """What a function changes in place is changed under every name."""

    def f(x: Any) -> Any:
        y = x * 2
        z = y
        w = y + 1
        y += x
        np.sqrt(y, out=y)
        return y, z, w

    first, second, third = lw.fuse(f)(np.abs(X))
    for result, expected in zip((first, second, third), f(np.abs(X)), strict=True):
        np.testing.assert_array_equal(result, expected)
    assert first is second


def test_in_place_keeps_the_dtype() -> None:
    """A result is cast to what it is written to, and not where that would lose its kind."""

    def f(x: Any) -> Any:
        y = x.astype("f")
        y += x
        y *= 2
        return y

    np.testing.assert_array_equal(lw.fuse(f)(X), f(X), strict=True)

    def g(x: Any) -> Any:
        y = x.astype(int)
        y += x
        return y

    assert outcome_of(lw.fuse(g), X[:5]).error == outcome_of(g, X[:5]).error is not None


def test_parts_of_complex_numbers() -> None:
    """Real and imaginary parts of what was computed can be used, returned, and are NumPy's to change."""
    z = values("D", N)

    def f(z: Any) -> Any:
        w = z * z
        return w.real**2 + w.imag, w.real, w

    def g(z: Any) -> Any:
        w = z * z
        w.real[...] = 0
        part = w.imag
        part += 1
        return w

    assert_same_outcome(outcome_of(lw.fuse(f), z), outcome_of(f, z))
    with pytest.raises(FuseError, match="assign to parts"):
        lw.fuse(g)(z)


@pytest.mark.parametrize("array", [values("d", 90_000), values("?", 90_000).reshape(300, 300).T, values("i", 9)])
def test_imaginary_parts_of_real_numbers(array: Any) -> None:
    """They are zeros that nobody may write to; what is computed of them is the function's own, and warned of in the order of the calls."""

    def own(x: Any) -> Any:
        y = np.absolute(np.imag(x))
        y += x
        return y, x.imag, x.imag[1:], x.imag.sum()

    def warned(x: Any) -> Any:
        return np.log(-np.absolute(x + 1.5)), np.imag(x) / x.imag

    def written(x: Any) -> Any:
        y = np.imag(x)
        y += x
        return y

    for function in (own, warned, written):
        assert_same_outcome(outcome_of(lw.fuse(function), array), outcome_of(function, array))
    assert not lw.fuse(own)(array)[1].flags.writeable


def test_what_is_read_only_is_numpys_to_refuse() -> None:
    """An array that cannot be written to raises what NumPy raises."""
    zeros = np.zeros(N)
    zeros.flags.writeable = False
    function = lambda x: np.add(x, 1, out=zeros)  # noqa: E731
    assert outcome_of(lw.fuse(function), X).error == outcome_of(function, X).error is not None


@pytest.mark.parametrize("code", ["Q", "q", "L", "l"])
def test_in_place_keeps_the_type_in_c(code: str) -> None:
    """Two types of C's that are one dtype are told apart: what is changed in place keeps its own."""

    def f(x: Any) -> Any:
        y = x**3
        y += x
        z = y.copy()
        z *= y
        return y, z

    expected = f(np.arange(N, dtype=code))
    for actual, numpys in zip(lw.fuse(f)(np.arange(N, dtype=code)), expected, strict=True):
        assert actual.dtype.num == numpys.dtype.num
        np.testing.assert_array_equal(actual, numpys)


def test_nothing_is_warned_of_after_an_error() -> None:
    """An integer power that is none ends the function, as in NumPy, before it comes to what is computed at once."""
    function = lambda x, scalar: (x**x, 1 / scalar)[1]  # noqa: E731
    arrays = np.arange(-5, 5), np.array(False)
    assert_same_outcome(outcome_of(lw.fuse(function), *arrays), outcome_of(function, *arrays))


def test_conditional_assignment() -> None:
    """``y[condition] = number`` is a selection."""

    def f(x: Any) -> Any:
        y = x * 3
        y[y > 1] = 1
        y[np.isnan(y)] = np.float32(0.1)
        return y

    np.testing.assert_array_equal(lw.fuse(f)(X), f(X))


def test_where_of_ufuncs() -> None:
    """A ufunc with a mask computes some items of what is there, and warns of no others."""

    def f(x: Any, mask: Any) -> Any:
        y = np.divide(1, x, out=np.zeros_like(x), where=x != 0)
        np.log(y, out=y, where=y > 0)
        np.multiply(y, x, out=y, where=mask)
        return y

    for mask in (X > 0, np.arange(N) % 7 == 0, np.zeros(N, bool), np.ones(1, bool)):
        for x in (AWKWARD, np.where(AWKWARD > 1, 0, AWKWARD)):
            assert_same_outcome(outcome_of(lw.fuse(f), x, mask), outcome_of(f, x, mask))
    assert [step.name for step in lw.fuse(f).explain(X, X > 0).programs[0].steps if step.name in ("divide", "log", "multiply")]


# --- FuseErrors -----------------------------------------------------------------------------------------------------

Case = tuple[Callable[..., Any], str, str]


def _branch(x: Any) -> Any:
    return x if x > 0 else -x


def _loop(x: Any) -> Any:
    return sum(item for item in x * 2)


def _in_place_on_argument(x: Any) -> Any:
    x += 1
    return x


CASES: dict[str, Case] = {
    "if": (_branch, "branch on the values of an array", "use np.where"),
    "math": (lambda x: math.sqrt(x), "make a Python number of an array", "np.sqrt"),
    "index": (lambda x: (x * 2)[3], "index what it computed", "index its arguments"),
    "mask": (lambda x: x[x > 1], "index an array by what it computed", "np.where"),
    "loop": (_loop, "iterate over what it computed", "np.where"),
    "sum": (lambda x: (x * 2).sum(), "use .sum of what it computed", "call .sum(...) of the fused function"),
    "np.sum": (lambda x: np.sum(x * 2), "call np.sum on what it computed", "call .sum(...) of the fused function"),
    "np.sort": (lambda x: np.sort(x * 2), "call np.sort on what it computed", "do this outside"),
    "tolist": (lambda x: (x * 2).tolist(), "use .tolist of what it computed", "do this outside"),
    "reduce": (lambda x: np.add.reduce(x * 2), "call np.add.reduce on what it computed", "do this outside"),
    "fix": (lambda x: np.fix(x * 2), "call np.fix on what it computed", "np.trunc, which does the same"),
    "piecewise": (lambda x: np.piecewise(x * 2, [x > 1], [1, 2]), "call np.piecewise on what it computed", "np.select"),
    "outer": (lambda x: np.multiply.outer(x, x * 2), "call np.multiply.outer on what it computed", "do this outside"),
    "at": (lambda x: np.add.at(x, [1], 2), "call np.add.at to write into an array", "do this outside"),
    "matmul": (lambda x: (x * 2) @ x, "call np.matmul on what it computed", "do this outside"),
    "nonzero": (lambda x: np.where(x > 1), "call np.nonzero on what it computed", "do this outside"),
    "asarray": (lambda x: np.asarray(x * 2), "make an array of a placeholder", "leave np.asarray out"),
    "argument": (_in_place_on_argument, "write into an array that it did not compute", "x = x + 1"),
    "captured": (lambda x: np.add(x, 1, out=TABLE), "write into an array that it did not compute", "x = x + 1"),
    "copyto": (lambda x: np.copyto(x, 1), "call np.copyto to write into an array", "a name of its own"),
    "fill": (lambda x: x.fill(1), "call .fill to write into an array", "a name of its own"),
    "where": (lambda x: np.add(x, 1, where=x > 0), "call np.add with where= and no out=", "np.where"),
    "in": (lambda x: 3 in x, "look for a value in an array", "np.where"),
    "reshape": (lambda x: (x * 2).reshape(2, -1), "use .reshape of what it computed", "or to what it returns"),
    "T": (lambda x: (x * 2).T, "use .T of what it computed", "or to what it returns"),
    "setitem": (lambda x: (x * 2).__setitem__(3, 1), "assign to parts of an array", "np.where"),
    "setitem of an argument": (
        lambda x: x.__setitem__(x > 1, 1),
        "assign to parts of an array that it did not compute",
        "np.where(condition, number, x)",
    ),
    "setitem of what is around": (lambda x: TABLE.__setitem__(slice(len(x)), x * 2), "make an array of a placeholder", "from around the function"),
    "flags": (lambda x: (x * 2).flags, "use .flags of what it computed", "there is no memory yet"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("n", [5, N])
def test_what_cannot_be_traced_says_so(case: str, n: int) -> None:
    """A FuseError names what was done and where, and says what to do instead; for few items as for many."""
    function, what, instead = CASES[case]
    line = function.__code__.co_firstlineno
    with pytest.raises(FuseError) as caught:
        lw.fuse(function)(np.abs(X[:n]))
    message = str(caught.value)
    assert what in message and instead in message
    assert any(f"test_trace.py:{line + i}, in {function.__name__})" in message for i in range(2)), message


def test_ufuncs_that_are_not_elementwise_of_arguments() -> None:
    """They are there, so NumPy answers, whatever the ufunc or its method."""

    def f(x: Any, y: Any) -> Any:
        total = np.add.reduce(x, where=TABLE > 0, initial=1.5) + np.maximum.reduce(y, dtype=np.float32) + x @ y
        return x * total + np.add.accumulate(y) + np.multiply.outer(x[:3], y)[1] + np.add.reduceat(x, [0, 5])[0]

    def g(x: Any) -> Any:
        shares = x / np.add.reduce(x, axis=1, keepdims=True) + np.add.reduce(x, axis=None) + np.add.reduce(x, initial=True)
        return shares + np.minimum.reduce(x, initial=None) + np.maximum.reduce(x, axis=None, keepdims=True) + np.matmul(x, x)

    y = X[::-1].copy()
    square = X[:10_000].reshape(100, 100)
    assert_same_outcome(outcome_of(lw.fuse(lambda x, y: f(x, y)), X, y), outcome_of(f, X, y))
    assert_same_outcome(outcome_of(lw.fuse(g), square), outcome_of(g, square))


def test_a_fuse_error_that_the_function_catches_counts() -> None:
    """A function that goes on after a FuseError would compute something else than NumPy does."""

    def f(x: Any) -> Any:
        try:
            return x if x > 0 else -x
        except TypeError:
            return x * 0

    with pytest.raises(FuseError, match="branch"):
        lw.fuse(f)(X)


def test_a_placeholder_that_outlives_its_call() -> None:
    """What a function keeps of one call cannot be used in another, whether that one returned or not."""
    kept: list[Any] = []

    def f(x: Any, returns: bool) -> Any:
        kept.append(x * 2)
        return x + kept[0] if returns else dict[str, Any]()["nothing"]

    fused = lw.fuse(f)
    fused(X, True)
    with pytest.raises(FuseError, match="whose fused function has returned"):
        fused(X, True)
    kept.clear()
    with pytest.raises(KeyError):
        fused(X, False)
    with pytest.raises(FuseError, match="use what another call of it computed"):
        fused(X, True)


def test_attributes_that_arrays_do_not_have() -> None:
    """A placeholder is asked for what arrays have, and answers as they do for all else."""
    assert lw.fuse(lambda x: (hasattr(x, "no_such_thing"), x + 1))(X)[0] is False
    assert lw.fuse(lambda x: (repr(x), x + 1))(X)[0] == f"<placeholder of float64, shape ({N},)>"


# --- Functions that are no ufuncs -----------------------------------------------------------------------------------

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "round": lambda x: (np.round(x), np.round(x, 3), (x * 2).round(-1), np.around(x.astype(int), 2), np.round(x.astype("e"), 1)),
    "clip": lambda x: (np.clip(x, -1, 1), np.clip(x, None, 0.5), (x + 1).clip(0), np.clip(x, min=-1), np.clip(x.astype("i1"), -200, 3), x.clip(x, x)),
    "clip of small integers": lambda x: np.clip(x.view("B"), -1, 200),
    "isclose": lambda x: (np.isclose(x, 1.0), np.isclose(x, x + 1e-9), np.isclose(x, x, equal_nan=True), np.isclose(1, x, atol=0.5)),
    "nan_to_num": lambda x: (np.nan_to_num(x), np.nan_to_num(x, nan=1, posinf=2, neginf=3), np.nan_to_num(x.astype(int))),
    "like": lambda x: (np.zeros_like(x) + x, np.ones_like(x, dtype=int) * x, np.full_like(x, 2.5), np.full_like(x, 7, dtype="B")),
    "angle": lambda x: (np.angle(x), np.angle(x + 1j, deg=True)),
    "tests": lambda x: (np.isposinf(x), np.isneginf(x), np.isrealobj(x * 2), np.iscomplexobj(x * 2)),
    "asking": lambda x: (np.shape(x * 2), np.ndim(x * 2), np.size(x * 2), np.result_type(x * 2, "f"), x * 3),
    "where": lambda x: (np.where(x > 0, x, -x), np.where(x, 1, 2.5), np.where(x > 0, np.float32(1), x.astype("f"))),
    "select": lambda x: (
        np.select([x > 1, x < 0], [x, -x]),
        np.select([x > 1, x < 0], [1, 2.5], x.astype("f")),
        np.select([x > 1, x > 0], [x.astype("f"), np.float32(7)], np.nan),
        np.select([x > 1, np.arange(x.size) % 2 == 0], [3, 300], np.int8(1)),
        np.select((x[::-1] > 1, x.reshape(10, -1)[0, :1] > 0), (x[::-1], True), 1j),
        np.select([np.True_, x > 1], [3, x]),
        np.select([x > np.inf, x > 1], [1e300, x.astype("f")]),
        np.select([x > 2, x > 1], [1e300, x.astype("f")]),
    ),
    "polyval": lambda x: (
        np.polyval([1, -2, 3], x),
        np.polyval(np.poly1d([0.5, 1]), x * 2),
        np.polyval(x[:4], x),
        np.polyval([], x.astype(int)),
    ),
    "sinc": lambda x: (np.sinc(x), np.sinc(x.astype("f")), np.sinc(x.astype("e")), np.sinc(x.astype(int)), np.sinc(np.floor(x)), np.sinc(x * 1j)),
    "casts": lambda x: (x.astype("f4"), (x * 2).astype(int, copy=False), x.astype(bool), np.astype(x, "c8"), np.copy(x), x.copy()),
    "conjugate": lambda x: ((x * 2).conj(), (x + 1j).conjugate(), np.conj(x)),
    "on arguments": lambda x: (np.diff(x), x.reshape(100, -1)[:, 0] * 2, np.sort(x)[:5], x.max() + x),
}


@pytest.mark.parametrize("case", FUNCTIONS)
def test_functions_that_are_no_ufuncs(case: str) -> None:
    """NumPy's elementwise functions do what they do in NumPy, and any function works on arguments."""
    assert_same_outcome(outcome_of(lw.fuse(FUNCTIONS[case]), AWKWARD), outcome_of(FUNCTIONS[case], AWKWARD))


FEW = np.arange(-3.0, 9.0).reshape(3, 4)
SIGNALING = np.array([0x7F800001, 0x3F800000], "u4").view("f4")


@pytest.mark.parametrize(
    ("function", "arrays"),
    [
        (lambda c, d, t: np.select([c], [d], t), (np.array([True, False]), np.array([5, 6], "m8[s]"), np.array([0, 1], "M8[s]"))),
        (lambda c, d, t: np.select([c], [t], d), (np.array([True, False]), np.array([5, 6], "m8[s]"), np.array([0, 1], "M8[s]"))),
        (lambda c, s, d: np.select([c], [s], d), (np.array([False, True]), SIGNALING, np.array([1.0, 2.0]))),
        (lambda c, s, d: np.select([c], [d], s), (np.array([False, True]), SIGNALING, np.array([1.0, 2.0]))),
        (lambda x: np.select([x > 1], [[x[0], x[1], x[2]]], 0), (FEW,)),
        (lambda x: np.select([[x[0] > 1, x[1] > 1, x[2] > 1], x > 3], [x, -1.0], 0), (FEW,)),
        (lambda x: np.select([x > 1, x > 2], [x]), (FEW,)),
        (lambda x: np.select([x, x > 2], [x, x]), (FEW,)),
        (lambda x: np.polyval([x[0], x[1]], x), (FEW,)),
        (lambda p, x: np.polyval(list(p), x), (np.ones((3, 4)), FEW)),
        (lambda p: np.polyval(p, 0.5), (FEW,)),
        (lambda p: np.polyval(p, [np.nan, np.inf]), (FEW,)),
    ],
)
def test_functions_that_are_more_than_ufuncs_here(function: Callable[..., Any], arrays: tuple[Any, ...]) -> None:
    """Are NumPy's: where it would cast some items only, where a list is an array, and where something is wrong."""
    assert_same_outcome(outcome_of(lw.fuse(function), *arrays), outcome_of(function, *arrays))


@pytest.mark.parametrize(
    "function", [lambda x: np.select([x > 1], [x * 2], -x), lambda x: np.polyval([2, 1], x), lambda x: np.sinc(x)], ids=["select", "polyval", "sinc"]
)
def test_memory_order_is_numpys(function: Callable[..., Any]) -> None:
    """Selections are in C order, formulas in that of their argument."""
    assert_same_outcome(outcome_of(lw.fuse(function), FEW.T), outcome_of(function, FEW.T))


def test_no_error_of_ours_is_the_functions_to_catch() -> None:
    """A number that is out of range and not chosen."""

    def select(x: Any) -> Any:
        try:
            return np.select([x > 100], [1e300], x.astype("f"))
        except FloatingPointError:
            return x * 0

    assert_same_outcome(outcome_of(lw.fuse(select), FEW), outcome_of(select, FEW))


def test_underflow_of_sinc_is_told() -> None:
    """As the NumPy at hand tells it, of what it takes for 0."""
    x = np.array([0, 1], "f")
    with np.errstate(all="warn"):
        assert_same_outcome(outcome_of(lw.fuse(lambda x: np.sinc(x)), x), outcome_of(np.sinc, x))


@pytest.mark.parametrize("decimals", [0, 2])
def test_rounding_integers(decimals: int) -> None:
    """Whole numbers are copied or returned as they are, whichever NumPy does."""
    backwards = np.arange(N, dtype="h")[::-1]

    def function(x: Any) -> Any:
        return np.round(x, decimals), np.round(x + 1, decimals)

    assert_same_outcome(outcome_of(lw.fuse(function), backwards), outcome_of(function, backwards))


@pytest.mark.parametrize("exponent", [-1, 0, 1, 2, 3, 0.5, 2.0, -0.5, np.float64(2), True], ids=repr)
@pytest.mark.parametrize("dtype", ["d", "f", "i", "D"])
def test_powers(exponent: Any, dtype: str) -> None:
    """NumPy has ufuncs of their own for some powers, which are called for."""
    x = np.abs(values(dtype, N))

    def in_place(x: Any) -> Any:
        y = x + 0
        y **= exponent
        return y

    for function in (lambda x: x**exponent, in_place):
        assert_same_outcome(outcome_of(lw.fuse(function), x), outcome_of(function, x))


# --- What is left when it has returned ------------------------------------------------------------------------------


@dataclass
class Spread:
    """What a function might return."""

    low: Any
    high: Any


def test_what_would_hold_placeholders_is_refused() -> None:
    """An object with a computed attribute, and a generator, would reach the caller with placeholders inside."""

    def steps(x: Any) -> Any:
        yield x + 1

    with pytest.raises(FuseError, match=r"cannot return a Spread that holds what it computed .*; return that in a tuple, list or dict"):
        lw.fuse(lambda x: Spread(x - 1, x + 1))(X)

    async def coming(x: Any) -> Any:
        return x + 1

    with pytest.raises(FuseError, match=r"cannot be a generator .*; return what it computes in a tuple or list"):
        lw.fuse(steps)(X)

    async def streaming(x: Any) -> Any:
        yield x + 1

    begun = (item for item in range(3))
    next(begun)
    with pytest.raises(FuseError, match="cannot be a generator"):
        lw.fuse(lambda x: (x + 1, begun)[1])(X)
    assert list(begun) == [1, 2]  # it is not ours to close
    with pytest.raises(FuseError, match="cannot be a async_generator"):
        lw.fuse(streaming)(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FuseError, match="cannot be a coroutine"):
            lw.fuse(coming)(X)


def test_a_placeholder_that_was_kept_is_of_no_use() -> None:
    """Not outside, and not in a call of another function; it says so."""
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x + 1)
        return x * 2

    lw.fuse(f)(X)
    uses: list[Callable[[], Any]] = [
        lambda: kept[0] + 1,
        lambda: X * kept[0],
        lambda: np.exp(kept[0]),
        lambda: kept[0].astype("f"),
        lambda: kept[0].sum(),
    ]
    for use in uses:
        with pytest.raises(FuseError, match="a placeholder is used .* whose fused function has returned"):
            use()
    with pytest.raises(FuseError, match="a placeholder is used .* whose fused function has returned"):
        lw.fuse(lambda x: x * kept[0])(X)
