"""``fuse``: what calls of a fused function return, where they write, and what NumPy itself does."""

import contextlib
import gc
import inspect
import pickle
import warnings
import weakref
from typing import Any, NamedTuple

import numpy as np
import pytest
from bits import assert_same_bits, assert_same_outcome, chunks_during, outcome_of
from strategies import WORKERS, Array, values
from threads import together

import lightwork as lw

MANY = 200_000
X, Y = np.random.default_rng(1).standard_normal((2, MANY))


def distance(a: Any, b: Any) -> Any:
    """Call nine ufuncs."""
    return np.sqrt(a * a + b * b) * np.exp(-a) + a * b


@lw.fuse
def fused_distance(a: Any, b: Any) -> Any:
    """Do the same; of the module, so that it can be pickled."""
    return distance(a, b)


class Lens:
    """Has a fused method."""

    def __init__(self, power: float) -> None:
        self.power = power

    @lw.fuse
    def bend(self, x: Any) -> Any:
        """Use an attribute."""
        return x * self.power + 1


def assert_fused_is_plain(function: Any, *arrays: Any, **keywords: Any) -> None:
    """Hold a fused call to the plain one, for several numbers of workers."""
    expected = outcome_of(function, *arrays, **keywords)
    for workers in WORKERS:
        with lw.configure(workers=workers):
            assert_same_outcome(outcome_of(lw.fuse(function), *arrays, **keywords), expected)


# --- Results --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["e", "f", "d", "g", "F", "D", "G", "i", "Q"])
def test_every_dtype_over_many_chunks(dtype: str) -> None:
    """An expression over an array that is cut into chunks has NumPy's bits, dtype and warnings."""
    assert_fused_is_plain(distance, values(dtype, MANY, seed=1), values(dtype, MANY, seed=2))


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 255, 256, 257, 511, 512, 513, 8191, 8193])
def test_sizes_around_those_of_blocks(n: int) -> None:
    """It is so however many items are left for the last block."""
    assert_fused_is_plain(distance, X[:n], Y[:n])


def halves_of_roots(x: Any) -> Any:
    """Raise flags in three of its functions, one of them before functions that clear what was raised."""
    roots = np.sqrt(x)
    return np.where(np.absolute(x) > 1, np.exp(roots), np.maximum(roots, 0.5)) / x


@pytest.mark.parametrize("item", [-2.0, 0.0, 1e6, np.inf, np.nan, 5e-324])
@pytest.mark.parametrize("place", [0, 255, 256, 5_000, 20_002])
def test_one_item_raises_what_it_raises_in_numpy(item: float, place: int) -> None:
    """Wherever it stands, each function warns of its own flags and no other, in the order of calls, and also where the input is overwritten."""
    x = np.linspace(1, 2, 20_003)
    x[place] = item
    expected = outcome_of(halves_of_roots, x)
    fused = lw.fuse(halves_of_roots)
    assert_same_outcome(outcome_of(fused, x), expected)
    assert_same_outcome(outcome_of(fused, x), expected)
    assert_same_outcome(outcome_of(fused, x, out=x), expected)
    assert_same_bits(x, expected.result)


@pytest.mark.parametrize("n", [1, 2, 300])
@pytest.mark.parametrize("is_aligned", [True, False])
def test_a_cast_raises_what_it_raises_in_numpy(n: int, is_aligned: bool) -> None:
    """It is told of once for each array that is cast, whether or not something else is told of too."""
    x = np.zeros(8 * n + 1, np.int8)[0 if is_aligned else 1 :][: 8 * n].view(float)
    for items in (2.0, 1e300, -1e300):
        x[:] = items
        assert_fused_is_plain(lambda x: np.add(x, x, dtype="f4"), x)
        assert_fused_is_plain(lambda x: np.sqrt(np.add(x, x, dtype="f4")) + np.multiply(x, x, dtype="f4"), x)


@pytest.mark.parametrize("workers", WORKERS)
def test_casts_beside_other_shapes_are_told_of_as_numpy_tells(workers: int) -> None:
    """Those before the first array of several dimensions that has to be cast are casts, and the others are the loop's."""
    x, others = np.full(3, 1e300), np.zeros((1, 1, 1), bool)
    with lw.configure(workers=workers):
        for function in (lambda x, y: np.add(x, y, dtype="f4"), lambda x, y: np.add(y, x, dtype="f4")):
            assert_same_outcome(outcome_of(lw.fuse(function), x, others), outcome_of(function, x, others))


@pytest.mark.parametrize("shape", [(3001, 3), (3001, 1), (1, 3001), (50, 60)])
def test_axes_that_are_walked_backwards(shape: tuple[int, int]) -> None:
    """NumPy turns them round before its loops round, and the bits are those."""
    x = np.absolute(values("f", shape[0] * shape[1], seed=3)).reshape(shape)
    for view in (x[::-1], x[:, ::-1], x[::-1, ::-1], x.T[::-1], np.asfortranarray(x)[::-1]):
        assert_fused_is_plain(lambda x: np.power(x, x), view)
        assert_fused_is_plain(lambda x: x + np.exp(x[:1]), view)


def test_an_input_that_is_overwritten_is_read_once() -> None:
    """A block that raised flags is not run again on what it has written."""
    x = np.linspace(-1, 1, 20_003)
    with np.errstate(all="ignore"):
        expected = np.sqrt(x + 1.5) / x
        lw.fuse(lambda x: np.sqrt(x + 1.5) / x)(x, out=x)
    assert_same_bits(x, expected)


def test_it_runs_on_several_workers() -> None:
    """A call over many items is cut into chunks."""
    with lw.configure(workers=2):
        assert chunks_during(fused_distance, X, Y) > 2


def test_few_items_are_left_to_numpy() -> None:
    """Once it is known what an item costs, a short call starts no job."""
    fused = lw.fuse(distance)
    fused(X, Y)
    assert chunks_during(fused, X[:10], Y[:10]) == 0
    assert_same_bits(fused(X[:10], Y[:10]), distance(X[:10], Y[:10]))


def test_what_is_few_depends_on_the_workers_of_the_call() -> None:
    """One worker has nothing to gain from a function whose temporaries stay in the cache, and two do not go by what one has learned."""
    fused = lw.fuse(lambda x: np.sin(x) * np.cos(x))
    middling, many = np.linspace(0, 1, 10_000), np.linspace(0, 1, 50_000)
    with lw.configure(workers=1):
        assert chunks_during(fused, many) > 0
    for workers, is_shared in ((1, False), (2, True), (1, False)):
        with lw.configure(workers=workers):
            assert (chunks_during(fused, middling) > 0) is is_shared
    with lw.configure(workers=1):
        assert chunks_during(fused, many) > 0


@pytest.mark.parametrize("n", [600, 100_000])
def test_out_that_a_later_stage_reads(n: int) -> None:
    """An argument of fewer items, in a result of its own that is computed first, is still itself for those that come after."""
    x, few = np.arange(float(n)), np.array([2.0])
    expected = x * few, np.log1p(few)
    outs = np.empty(n), few
    lw.fuse(lambda x, few: (x * few, np.log1p(few)))(x, few, out=outs)
    assert_same_bits(outs, expected)


def test_outs_that_overlap_hold_what_was_stored_last() -> None:
    """Results are stored in their order, whichever was computed first."""
    x, few, both = np.linspace(1, 2, 600), np.array([2.0]), np.zeros(600)
    lw.fuse(lambda x, few: (x * few, np.log1p(few)))(x, few, out=(both, both[:1]))
    assert_same_bits(both, np.concatenate([np.log1p(few), x[1:] * few]))
    lw.fuse(lambda x, few: (np.log1p(few), x * few))(x, few, out=(both[:1], both))
    assert_same_bits(both, x * few)


@pytest.mark.parametrize("ufunc", [np.exp, np.cbrt, np.arctanh, np.isnan, np.isinf, np.isfinite, np.signbit])
@pytest.mark.parametrize("step", [2, -1, -2])
def test_out_whose_items_lie_apart(ufunc: np.ufunc, step: int) -> None:
    """The bits are those of a new array, from which some of NumPy's loops differ where they write items that lie apart."""
    x = np.where(np.arange(20_000) % 3 == 0, np.nan, np.linspace(-0.9, 0.9, 20_000))
    expected = ufunc(x)
    out = np.zeros(40_000, expected.dtype)[::step][:20_000]
    lw.fuse(lambda x: ufunc(x))(x, out=out)
    np.testing.assert_array_equal(out, expected)


def test_an_empty_call_teaches_nothing() -> None:
    """What was first called with empty arrays is shared as ever."""
    fused = lw.fuse(lambda x: np.sin(x) * np.cos(x))
    x = np.linspace(0, 1, 10_000)
    with lw.configure(workers=2):
        fused(x[:0])
        assert chunks_during(fused, x) > 0


def test_several_results() -> None:
    """Tuples and lists come back as such, with arrays in place of what was computed, and all else as it is."""
    assert_fused_is_plain(lambda x, y: (x + y, x * y), X, Y)
    sums, (products, name, twin) = lw.fuse(lambda x, y: [x + y, (x * y, "product", x)])(X, Y)
    assert_same_bits((sums, products), (X + Y, X * Y))
    assert name == "product" and twin is X


class Both(NamedTuple):
    """Two results by name."""

    total: Any
    others: dict[str, Any]


def test_results_by_name() -> None:
    """Named tuples and dicts hold arrays when they are returned, however they are nested."""

    def f(x: Any, y: Any) -> Any:
        return Both(x + y, {"less": x - y, "more": [x * y, Both(x, {})]})

    actual, expected = lw.fuse(f)(X, Y), f(X, Y)
    assert type(actual) is Both
    assert actual.others.keys() == expected.others.keys()
    assert type(actual.others["more"][1]) is Both
    assert actual.others["more"][1].total is X
    assert_same_bits(actual.total, expected.total)
    assert_same_bits(actual.others["less"], expected.others["less"])
    assert_same_bits(actual.others["more"][0], expected.others["more"][0])


def test_the_same_result_twice_is_one_array() -> None:
    """What a function returns in two places is one array, and what it computes twice is two."""

    def twice(x: Any) -> Any:
        y = x * 2
        return y, y, x * 2

    first, second, third = lw.fuse(twice)(X)
    assert first is second
    assert not np.may_share_memory(first, third)


def test_arguments_that_are_no_arrays_are_as_they_are() -> None:
    """Numbers, flags and keywords reach the function, which may branch on them."""

    def scaled(x: Any, factor: float, *, mode: str = "up") -> Any:
        return x * factor if mode == "up" and factor > 1 else x / factor

    assert_fused_is_plain(scaled, X, 2.5)
    assert_fused_is_plain(scaled, X, 0.5)
    assert_fused_is_plain(scaled, X, 2.5, mode="down")
    assert_fused_is_plain(scaled, x=X, factor=3)


@pytest.mark.parametrize("number", [2, 2.5, 2j, True, np.float32(2.5), np.int8(3), np.array(2.5), np.array(3, "f")], ids=repr)
def test_numbers_promote_as_numpy_promotes_them(number: Any) -> None:
    """Python's numbers are weak, NumPy's and 0-d arrays are not."""
    for dtype in ("B", "i", "f", "d"):
        assert_fused_is_plain(lambda x: (x * number, number - x, x > number, np.where(x > 1, x, number)), values(dtype, 9000))


def test_what_python_numbers_cannot_be_is_numpys_to_say() -> None:
    """An integer out of range raises, a float out of range warns, as in NumPy."""
    assert_fused_is_plain(lambda x: x + 300, values("B", MANY))
    assert_fused_is_plain(lambda x: x * 1e300, values("f", MANY))


def test_stencils_are_slices_of_arguments() -> None:
    """Slices, transposes and reversals of an argument are other arguments."""
    z = X[:90_000].reshape(300, 300)
    assert_fused_is_plain(lambda z: z[1:-1, 2:] - 2 * z[1:-1, 1:-1] + z[1:-1, :-2], z)
    assert_fused_is_plain(lambda z: (z + z.T) / 2, z)
    assert_fused_is_plain(lambda z: z[::-1] * z[:, ::-1] - z[0], z)


def test_what_arguments_tell_of_themselves() -> None:
    """A reduction of an argument is NumPy's, and a number in the expression."""
    assert_fused_is_plain(lambda x: (x - np.mean(x)) / x.std() + x.size + len(x), X)


def test_what_is_broadcast_is_computed_once() -> None:
    """An expression of a column alone is computed for the column: its warnings come once, and its cost does."""
    column, row = np.linspace(0, 1, 400)[:, None], np.linspace(1, 2, 500)
    assert_fused_is_plain(lambda a, b: np.log(a) * b + np.sqrt(b), column, row)
    explanation = lw.fuse(lambda a, b: np.exp(a) * b).explain(column, row)
    assert [[step.name for step in program.steps] for program in explanation.programs] == [["exp"], ["multiply"]]


def test_empty_arrays() -> None:
    """Nothing is computed of nothing, in the right shape."""
    assert_fused_is_plain(distance, np.empty((0, 3)), np.empty((1, 3)))


# --- out ------------------------------------------------------------------------------------------------------------


def test_out_is_written_and_returned() -> None:
    """The result is in `out`, whatever its dtype and strides, and nothing else is returned."""
    for out in (np.empty(MANY), np.empty(2 * MANY)[::2], np.empty(MANY, "g")):
        assert fused_distance(X, Y, out=out) is out
        np.testing.assert_array_equal(out, distance(X, Y).astype(out.dtype), strict=True)


@pytest.mark.parametrize("shift", [0, 1, -1, 1000])
def test_out_may_overlap_an_argument(shift: int) -> None:
    """The result is as if it did not."""
    memory = np.empty(MANY + 2000)
    memory[:] = np.random.default_rng(2).standard_normal(memory.size)
    source = memory[1000:-1000]
    expected = distance(source, Y)
    out = memory[1000 + shift : 1000 + shift + MANY]
    np.testing.assert_array_equal(fused_distance(source, Y, out=out), expected)


def test_out_that_is_read_after_it_was_written() -> None:
    """Of two results, the first may be written over what the second is computed from."""
    memory, other = X.copy(), np.empty(MANY)
    first, second = lw.fuse(lambda x: (x + 1, x * 2))(memory, out=(memory, other))
    assert first is memory and second is other
    np.testing.assert_array_equal(first, X + 1)
    np.testing.assert_array_equal(second, X * 2)


def test_some_of_several_outs() -> None:
    """None in `out` means a new array."""
    out = np.empty(MANY)
    new, given = lw.fuse(lambda x: (x + 1, x * 2))(X, out=(None, out))
    assert given is out
    assert_same_bits((new, given), (X + 1, X * 2))


def test_out_that_does_not_fit() -> None:
    """Another shape or a dtype that loses is refused."""
    with pytest.raises(ValueError, match=r"out has shape \(3,\), but the result has shape \(200000,\)"):
        fused_distance(X, Y, out=np.empty(3))
    with pytest.raises(TypeError, match="same_kind"):
        fused_distance(X, Y, out=np.empty(MANY, int))


# --- Floating point -------------------------------------------------------------------------------------------------


def test_errstate_of_the_caller_holds() -> None:
    """Errors are raised, ignored or handed over as the caller has it, named after the ufunc."""
    fused = lw.fuse(lambda x: np.sqrt(x) + 1)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="invalid value encountered in sqrt"):
        fused(np.full(MANY, -1.0))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        fused(np.full(MANY, -1.0))
    seen: list[tuple[str, int]] = []
    with np.errstate(all="call", call=lambda kind, flag: seen.append((kind, flag))):
        fused(np.full(MANY, -1.0))
    assert seen == [("invalid value", 8)]


def test_errstate_inside_the_function_holds_there() -> None:
    """An errstate in the function is that of the ufuncs in it."""

    def logs(x: Any) -> Any:
        with np.errstate(all="ignore"):
            y = np.log(x)
        return y + np.log(-x)

    assert_fused_is_plain(logs, np.zeros(MANY))


@pytest.mark.parametrize("n", [10, MANY])
def test_out_of_another_kind(n: int) -> None:
    """A list is no tuple, and there are as many arrays in a tuple as results; the message says so."""
    x, out = X[:n], np.empty(n)
    halves = lw.fuse(lambda x: (x / 2, x / 3))
    with pytest.raises(TypeError, match="out must be an array, or a tuple of arrays for a function that returns several, not a list"):
        halves(x, out=[out, out])
    with pytest.raises(TypeError, match="there is a list in it"):
        halves(x, out=(out, [0.0]))
    with pytest.raises(ValueError, match="out has 1 arrays, but the function returns 2"):
        halves(x, out=(out,))
    assert lw.fuse(np.sqrt)(x * x, out=(out,)) is out
    np.testing.assert_array_equal(out, np.sqrt(x * x))


def test_arrays_in_different_orders() -> None:
    """NumPy's loops for vectors round otherwise than those for items that lie apart, so each array is walked as NumPy walks it."""
    x = X[:90_000].reshape(300, 300)
    for a in (x.T[::-1, ::-1], x.T, x[::-1], x):
        assert_fused_is_plain(lambda a, b: np.abs(np.exp(a) + b) + 0, a, x)
        assert_fused_is_plain(lambda a, b: (a + b) * b - a, a, x)


# --- Functions ------------------------------------------------------------------------------------------------------


def test_it_looks_like_the_function() -> None:
    """Name, module and docstring are the function's, which can be reached."""
    assert fused_distance.__name__ == "fused_distance"
    assert fused_distance.__module__ == __name__
    assert fused_distance.__doc__ == "Do the same; of the module, so that it can be pickled."
    assert repr(lw.fuse(distance)) == f"<fused {distance!r}>"
    assert lw.fuse(distance).__wrapped__ is distance


def test_methods() -> None:
    """A fused method is bound to its instance, and sees its present attributes."""
    lens = Lens(2.0)
    np.testing.assert_array_equal(lens.bend(X), X * 2 + 1)
    lens.power = 3.0
    np.testing.assert_array_equal(lens.bend(X), X * 3 + 1)
    assert Lens.bend.__name__ == "bend"


def test_methods_are_reduced() -> None:
    """What a fused function can do it can do bound to an instance, too."""
    lens = Lens(2.0)
    assert lens.bend.sum(X) == np.sum(X * 2 + 1)
    assert lens.bend.max(X, axis=0) == np.max(X * 2 + 1)
    assert lens.bend.sum(x=X) == Lens.bend.sum(lens, X)
    assert lens.bend.explain(X).programs == Lens.bend.explain(lens, X).programs
    assert lens.bend(X, out=(out := np.empty_like(X))) is out


def test_a_bound_method_looks_like_one() -> None:
    """Name, docstring, signature and identity are a method's."""
    lens = Lens(2.0)
    assert (lens.bend.__name__, lens.bend.__doc__, lens.bend.__self__) == ("bend", "Use an attribute.", lens)
    assert str(inspect.signature(lens.bend)) == "(x: Any) -> Any"
    assert lens.bend == lens.bend != Lens(2.0).bend
    assert len({lens.bend, lens.bend}) == 1
    assert repr(lens.bend).startswith("<fused <bound method Lens.bend of")
    assert pickle.loads(pickle.dumps(lens.bend)).mean(X) == lens.bend.mean(X)


def test_pickles() -> None:
    """A decorated function is pickled by its name, another by the function within."""
    assert pickle.loads(pickle.dumps(fused_distance)) is fused_distance
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(lw.fuse(distance)))(X, Y), distance(X, Y))


def test_a_fused_function_within_another() -> None:
    """A fused function that is called in the trace of another is part of it."""
    outer = lw.fuse(lambda x, y: fused_distance(x, y) + fused_distance(y, x))
    np.testing.assert_array_equal(outer(X, Y), distance(X, Y) + distance(Y, X))
    assert len(outer.explain(X, Y).programs) == 1


def test_many_threads_at_once() -> None:
    """Threads call one fused function with arrays of their own and one dtype or another."""
    cases = [((X[start:] * 9).astype(dtype)[:30_000], Y[:30_000]) for start, dtype in enumerate("dfid" * 4)]
    expected = [distance(*case) for case in cases]
    fused = lw.fuse(distance)

    def call(case: tuple[Array, Array]) -> list[Array]:
        return [fused(*case) for _ in range(20)]

    for results, right in zip(together([lambda case=case: call(case) for case in cases]), expected, strict=True):  # type: ignore[misc]
        for result in results:
            np.testing.assert_array_equal(result, right)


def test_what_is_no_function_is_refused() -> None:
    """Only functions can be fused."""
    with pytest.raises(TypeError, match="needs a function of arrays, not int"):
        lw.fuse(3)  # type: ignore[arg-type]


# --- Explanations ---------------------------------------------------------------------------------------------------


def test_explain_tells_the_steps() -> None:
    """The explanation has the ufuncs in their order, with slots and dtypes, and the memory that is moved."""
    explanation = lw.fuse(distance).explain(X, Y)
    (program,) = explanation.programs
    names = ["multiply", "multiply", "add", "sqrt", "negative", "exp", "multiply", "multiply", "add"]
    assert [step.name for step in program.steps] == names
    assert (program.bytes_moved, program.bytes_moved_by_numpy) == (24, 8 * (6 * 3 + 3 * 2))
    assert program.n_temporaries == 2
    assert "sqrt(t" in str(explanation)
    assert "24 bytes moved for each item" in repr(explanation)


def test_explain_tells_of_the_last_call() -> None:
    """Without arguments it is the last traced call that is explained."""
    fused = lw.fuse(lambda x: x + 1)
    with pytest.raises(ValueError, match="nothing has been called yet"):
        fused.explain()
    fused(X)
    assert [step.name for step in fused.explain().programs[0].steps] == ["add"]


def test_explain_tells_of_few_items() -> None:
    """Which NumPy computes once it is known what an item takes; there is no such word of many, or where nothing was called."""
    fused = lw.fuse(lambda x: x + 1)
    few = X[:100]
    assert "few items" not in str(fused.explain(few))
    fused(few)
    explained = fused.explain(few)
    assert explained.has_few_items
    assert str(explained).startswith("NumPy does this itself, being as quick with so few items; of more, it would be\n1 step over blocks")
    assert not fused.explain(X).has_few_items
    assert not fused.explain().has_few_items


def test_explain_tells_why_numpy_does_it() -> None:
    """Where there is no program, the explanation has the reason."""
    assert "has no loop" in str(lw.fuse(lambda x: x + 1).explain(np.array([1, None])))


# --- What NumPy itself does -----------------------------------------------------------------------------------------


class Celsius(np.ndarray):
    """A subclass with nothing of its own."""


@pytest.mark.parametrize(
    "array",
    [np.array([1, 2.5, 3], object), np.ma.masked_less(np.arange(9.0), 3), np.arange(5.0).view(Celsius), np.float64(3), 3.0, np.array(3.0)],
    ids=["objects", "masked", "subclass", "scalar", "number", "0-d"],
)
def test_other_arrays_are_numpys_own(array: Any) -> None:
    """Objects, subclasses and scalars give what the function gives."""
    assert_fused_is_plain(lambda x: np.sqrt(x * x) + 1, array)


def test_subclasses_beside_arrays_are_numpys_own() -> None:
    """In any order, reduced or not; the explanation says so."""
    masked, plain = np.ma.masked_less(X, 0), X + 1
    for arrays in ((masked, plain), (plain, masked), (X.view(Celsius), plain)):
        assert_fused_is_plain(lambda x, y: x * y + 1, *arrays)
        assert lw.fuse(lambda x, y: x * y).sum(*arrays) == (arrays[0] * arrays[1]).sum()
    assert str(lw.fuse(lambda x, y: x * y).explain(masked, plain)) == "NumPy does this itself: an argument is a MaskedArray"
    assert "no argument is an array" in str(lw.fuse(lambda x: x + 1).explain(2.0))


def test_strings_are_numpys_own() -> None:
    """So do strings."""
    assert_fused_is_plain(lambda x: np.strings.isalpha(x), np.array(["a", "b"]))


def test_shapes_that_do_not_fit_are_numpys_to_refuse() -> None:
    """The error is NumPy's."""
    assert_fused_is_plain(lambda x, y: x + y, np.ones(3), np.ones(4))
    assert_fused_is_plain(lambda x: x + np.ones(4), np.ones(3))


def test_integer_powers_that_are_none() -> None:
    """A loop that refuses an item raises NumPy's error, after NumPy's warnings."""
    assert_fused_is_plain(lambda x: np.log(x) + x**-x, np.arange(MANY))


def test_exceptions_of_the_function() -> None:
    """What the function raises on its own is raised."""

    def strict(x: Any) -> Any:
        if x.size != 3:
            raise ValueError("three, please")
        return x * 2

    with pytest.raises(ValueError, match="three, please"):
        lw.fuse(strict)(X)


def test_memmaps_are_arrays(tmp_path: Any) -> None:
    """An array in a file, used from around the function, is computed with like any other."""
    mapped = np.memmap(tmp_path / "x", float, "w+", shape=(MANY,))
    mapped[:] = X
    assert_same_bits(np.asarray(lw.fuse(lambda y: y + mapped)(Y)), X + Y)
    assert_same_bits(np.asarray(lw.fuse(lambda x, y: y + x)(mapped, Y)), X + Y)


def test_warnings_point_at_the_call() -> None:
    """A floating-point warning is given at the line of the call, so that each place is told apart."""
    fused = lw.fuse(np.sqrt)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        fused(np.full(MANY, -1.0))
        fused(np.full(MANY, -1.0))
    assert [warning.filename for warning in seen] == [__file__] * 2
    assert seen[1].lineno == seen[0].lineno + 1


KEPT: dict[str, Any] = {"fused": distance, "refused": lambda a, b: np.strings.upper(a) + b, "error": lambda a, b: a if a > 0 else b}


@pytest.mark.parametrize("case", KEPT)
def test_nothing_is_kept_of_a_call(case: str) -> None:
    """When a call is over, its arguments are free, whatever came of it; without a garbage collection."""
    array = np.random.default_rng(0).random(MANY)
    gone = weakref.ref(array)
    fused = lw.fuse(KEPT[case])
    gc.disable()
    try:
        with contextlib.suppress(Exception):
            fused(array, array)
        del array
        assert gone() is None
    finally:
        gc.enable()
