"""Random functions: fused they do what they do in plain NumPy."""

from dataclasses import replace

from bits import assert_same_outcome, outcome_of
from expressions import Expression, expressions
from hypothesis import given
from hypothesis import strategies as st
from strategies import WORKERS, Operand, broadcastable, examples, long_broadcastable

import lightwork as lw

DTYPES = ("?", "b", "B", "h", "i", "l", "Q", "e", "f", "d", "g", "F", "D", ">f8", ">i4")


def assert_fused_is_plain(expression: Expression, recipes: tuple[Operand, ...], workers: int) -> None:
    """Hold a fused call to all that the function does in plain NumPy; the error shows both."""
    arrays = [recipe.build() for recipe in recipes]
    function = expression.build()
    expected = outcome_of(function, *arrays)
    with lw.configure(workers=workers):
        actual = outcome_of(lw.fuse(function), *arrays)
    if not all(recipe.shape for recipe in recipes):
        # What 0-d arrays give is computed while tracing, and once more where NumPy has an error to raise.
        actual, expected = (replace(outcome, warnings=sorted(set(outcome.warnings), key=str)) for outcome in (actual, expected))
    try:
        assert_same_outcome(actual, expected)
    except AssertionError as error:
        operands = [f"{name} = {recipe}" for name, recipe in zip("abcde", recipes, strict=False)]
        error.add_note("\n".join(("", *operands, *expression.lines)))
        raise


@examples(400)
@given(data=st.data(), workers=st.sampled_from(WORKERS))
def test_small_arrays_of_any_layout(data: st.DataObject, workers: int) -> None:
    """Bits, dtypes, shapes, memory order, warnings and errors are NumPy's for any expression over arrays that broadcast."""
    count = data.draw(st.integers(1, 3))
    recipes = data.draw(broadcastable(count, DTYPES))
    in_place = all(recipe.shape for recipe in recipes)  # else it is somebody else's 0-d array that is changed
    assert_fused_is_plain(data.draw(expressions(count, in_place=in_place)), recipes, workers)


@examples(120)
@given(data=st.data(), workers=st.sampled_from(WORKERS))
def test_arrays_of_many_blocks(data: st.DataObject, workers: int) -> None:
    """It is so over several blocks and chunks, too."""
    count = data.draw(st.integers(1, 3))
    recipes = data.draw(long_broadcastable(count, DTYPES))
    assert_fused_is_plain(data.draw(expressions(count)), recipes, workers)
