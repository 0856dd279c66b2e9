"""A ufunc on every core is NumPy's in all that can be seen of it."""

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bits import assert_same_bits, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from lightwork.arrays.ufunc import on_every_core
from scipy import special

import lightwork as lw
import lightwork.numpy as lnp

exp, add, modf = map(on_every_core, (np.exp, np.add, np.modf))


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call returns, or the type and text of what it raises."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


# --- What it looks like ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nin", "nout", "nargs", "ntypes", "types", "identity", "signature", "__name__", "__qualname__", "__doc__"])
@pytest.mark.parametrize("ufunc", [np.add, np.exp, np.modf, special.gamma])
def test_it_has_what_a_ufunc_has(ufunc: np.ufunc, name: str) -> None:
    """Every attribute is the ufunc's."""
    assert getattr(on_every_core(ufunc), name, None) == getattr(ufunc, name, None)


def test_it_looks_like_a_ufunc() -> None:
    """Printed, listed and asked for help, it is the ufunc."""
    assert repr(exp) == repr(np.exp)
    assert dir(exp) == dir(np.exp)
    assert inspect.getdoc(exp) == inspect.getdoc(np.exp)
    with pytest.raises(AttributeError):
        exp.nothing  # noqa: B018


def test_it_is_one_for_each_ufunc() -> None:
    """There is a single twin of a ufunc, also after pickling and copying."""
    assert on_every_core(np.exp) is exp
    assert pickle.loads(pickle.dumps(exp)) is exp
    assert copy.deepcopy(exp) is exp


def test_it_equals_its_ufunc() -> None:
    """A table that is keyed by NumPy's ufuncs finds it, and the other way round."""
    assert exp == np.exp
    assert np.exp == exp
    assert exp != np.add
    by_ufunc: dict[Any, int] = {np.exp: 1}
    by_twin: dict[Any, int] = {exp: 1}
    assert by_ufunc[exp] == by_twin[np.exp] == 1


@pytest.mark.parametrize("other", [len, "add", None, exp])
def test_only_a_ufunc_has_a_twin(other: Any) -> None:
    """Whatever else is refused."""
    with pytest.raises(TypeError):
        on_every_core(other)


# --- Calls ----------------------------------------------------------------------------------------------------------

X = np.linspace(-2, 2, 60_000)
Y = X[::-1].copy()


CALLS: dict[str, Callable[..., Any]] = {
    "two arrays": lambda add, modf: add(X, Y),
    "out by position": lambda add, modf: add(X, Y, np.empty_like(X)),
    "no out by position": lambda add, modf: add(X, Y, None),
    "out by name": lambda add, modf: add(X, Y, out=np.empty_like(X)),
    "out in a tuple": lambda add, modf: add(X, Y, out=(np.empty_like(X),)),
    "where": lambda add, modf: add(X, Y, where=X > 0, out=np.zeros_like(X)),
    "the defaults said": lambda add, modf: add(X, Y, where=True, casting="same_kind", order="K", subok=True),
    "order": lambda add, modf: add(X.reshape(300, 200), 1, order="F"),
    "unsafe casting": lambda add, modf: add(X, Y, casting="unsafe", dtype=np.int32),
    "dtype": lambda add, modf: add(X, Y, dtype="f4"),
    "signature": lambda add, modf: add(X, Y, signature="ff->f", casting="unsafe"),
    "signature as a tuple": lambda add, modf: add(X, Y, signature=("f4", None, None), casting="unsafe"),
    "two results": lambda add, modf: modf(X),
    "first out by position": lambda add, modf: modf(X, np.empty_like(X)),
    "second out by position": lambda add, modf: modf(X, None, np.empty_like(X)),
    "both outs by position": lambda add, modf: modf(X, np.empty_like(X), np.empty_like(X)),
    "one of two outs": lambda add, modf: modf(X, out=(None, np.empty_like(X))),
    "None for two outs": lambda add, modf: modf(X, out=None),
    "an array for two outs": lambda add, modf: modf(X, out=np.empty_like(X)),
    "too few": lambda add, modf: add(X),
    "too many": lambda add, modf: add(X, Y, np.empty_like(X), np.empty_like(X)),
    "out twice": lambda add, modf: add(X, Y, np.empty_like(X), out=np.empty_like(X)),
    "an unknown keyword": lambda add, modf: add(X, Y, nothing=1),
    "an unknown casting": lambda add, modf: add(X, Y, casting="other"),
    "shapes that do not fit": lambda add, modf: add(X, Y[:-1]),
    "an out that does not fit": lambda add, modf: add(X, Y, np.empty(3)),
    "an out that is none": lambda add, modf: add(X, Y, out="here"),
    "no numbers": lambda add, modf: add("a", object()),
    "nothing": lambda add, modf: add(),
}


@pytest.mark.parametrize("case", CALLS)
def test_arguments_mean_what_they_mean_to_numpy(case: str) -> None:
    """By position or keyword, right or wrong, they give the same result or the same error."""
    assert_same_bits(outcome(lambda: CALLS[case](add, modf)), outcome(lambda: CALLS[case](np.add, np.modf)))


@given(st.integers(0, 70_000), st.sampled_from("efdgFDG"))
def test_the_bits_are_numpys(n_items: int, char: str) -> None:
    """Of small arrays and of those that are shared."""
    x = np.linspace(0, 4, n_items).astype(char)
    with np.errstate(all="ignore"):
        assert_same_bits(exp(x), np.exp(x))
        assert_same_bits(add(x, x[:1]), np.add(x, x[:1]))


def test_large_calls_are_shared() -> None:
    """An array that is worth it is run in chunks."""
    before = lw.statistics().chunks
    with lw.configure(workers=2):
        exp(np.zeros(2_000_000))
    assert lw.statistics().chunks > before


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.fmax], ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("n_items", [10, 100_000])
def test_an_output_by_position_is_warned_of_as_numpy_warns(ufunc: np.ufunc, n_items: int) -> None:
    """Newer NumPys suspect that the third array of a maximum was meant as an input."""
    x = np.arange(float(n_items))
    ours, numpys = outcome_of(on_every_core(ufunc), x, x, x.copy()), outcome_of(ufunc, x, x, x.copy())
    assert ours.warnings == numpys.warnings
    assert_same_bits(ours.result, numpys.result)


def test_it_can_be_mapped() -> None:
    """``chunked_map`` takes it as the ufunc that it is."""
    assert_same_bits(lw.chunked_map(exp, X, chunk_size=1000, workers=2), np.exp(X))


# --- Methods --------------------------------------------------------------------------------------------------------


def test_methods_are_numpys() -> None:
    """Reductions, scans and the rest give what NumPy's ufunc gives."""
    assert_same_bits(add.reduce(X), np.add.reduce(X))
    assert_same_bits(add.accumulate(X), np.add.accumulate(X))
    assert_same_bits(add.reduceat(X, [0, 7, 3]), np.add.reduceat(X, [0, 7, 3]))
    mine, numpys = X.copy(), X.copy()
    add.at(mine, [0, 0, 5], 1)
    np.add.at(numpys, [0, 0, 5], 1)
    assert_same_bits(mine, numpys)


PAIRS: dict[str, Callable[..., Any]] = {
    "vectors": lambda add: add.outer(X[:300], Y[:500]),
    "strided matrices": lambda add: add.outer(X.reshape(300, 200)[:20].T, Y[:50].reshape(5, 10)),
    "a number": lambda add: add.outer(X[:300], 1.5),
    "lists": lambda add: add.outer([1, 2], [3, 4]),
    "a scalar": lambda add: add.outer(np.float32(1), X[:10]),
    "dtype": lambda add: add.outer(X[:300], Y[:500], dtype="f4"),
    "out": lambda add: add.outer(X[:30], Y[:50], out=np.empty((30, 50))),
    "where": lambda add: add.outer(X[:30], Y[:50], where=X[:50] > 0, out=np.zeros((30, 50))),
    "masked": lambda add: add.outer(np.ma.masked_array(X[:30]), Y[:50]),
    "too few": lambda add: add.outer(X[:30]),
    "too many": lambda add: add.outer(X[:30], Y[:5], Y[:5]),
}


@pytest.mark.parametrize("case", PAIRS)
def test_outer_is_numpys(case: str) -> None:
    """All pairs, whatever the shapes and arguments, and the same errors."""
    assert_same_bits(outcome(lambda: PAIRS[case](add)), outcome(lambda: PAIRS[case](np.add)))


def test_outer_needs_two_inputs() -> None:
    """Of a ufunc of one input it is NumPy's error."""
    numpys: Any = np.exp
    assert outcome(lambda: exp.outer(X, Y)) == outcome(lambda: numpys.outer(X, Y))


# --- Foreign arrays -------------------------------------------------------------------------------------------------


class Recorder:
    """Something that overrides ufuncs, and answers with what it was asked."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ufunc, method, len(inputs), kwargs


FOREIGN: dict[str, Callable[..., Any]] = {
    "first": lambda add, x: add(x, X),
    "second": lambda add, x: add(X, x),
    "out by name": lambda add, x: add(X, Y, out=x),
    "out by position": lambda add, x: add(X, Y, x),
    "with keywords": lambda add, x: add(X, x, dtype="f4", where=True),
    "with a mask": lambda add, x: add(X, x, out=Y, where=X > 0),
    "with a mask alone": lambda add, x: add(X, x, where=X > 0),
    "outer": lambda add, x: add.outer(X[:3], x),
    "reduce": lambda add, x: add.reduce(x),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_overrides_are_asked(case: str) -> None:
    """An array of another library answers for itself, and sees NumPy's ufunc."""
    mine, numpys = FOREIGN[case](add, Recorder()), FOREIGN[case](np.add, Recorder())
    assert mine[0] is np.add
    assert mine[1:3] == numpys[1:3]
    assert mine[3].keys() == numpys[3].keys()


def test_methods_take_what_numpys_take_and_say_what_they_say() -> None:
    """Outputs in a tuple, positions, and errors in the same words."""
    x = np.ones((200, 300))
    out = np.empty_like(x)
    assert on_every_core(np.add).accumulate(x, out=(out,)) is out
    ours, numpys = on_every_core(np.add), np.add
    for method in ("reduce", "accumulate"):
        for args, kwargs in (((x,), {"workers": 2}), ((x, 0), {"axis": 0}), ((x, *(None,) * 9), {})):
            assert outcome_of(getattr(ours, method), *args, **kwargs).error == outcome_of(getattr(numpys, method), *args, **kwargs).error


def test_a_twin_passes_for_a_ufunc() -> None:
    """Other libraries ask ``isinstance(f, np.ufunc)``, and go item by item where it is False; its own type is none the less another."""
    assert [isinstance(ufunc, np.ufunc) for ufunc in (exp, exp.ufunc)] == [True, True]
    assert [type(ufunc) is np.ufunc for ufunc in (exp, exp.ufunc)] == [False, True]
    x = np.arange(100_000.0)
    assert_same_bits(lw.chunked_map(lnp.sqrt, x), np.sqrt(x))
    assert_same_bits(lw.chunked_map(lnp.add, x, 2, dtype="f4"), np.add(x, 2, dtype="f4"))


def test_numba_compiles_a_twin() -> None:
    """In compiled functions it is NumPy's."""
    numba = pytest.importorskip("numba")
    np.testing.assert_array_equal(numba.njit(lambda x: lnp.square(x) + 1)(np.arange(5.0)), np.arange(5.0) ** 2 + 1)
