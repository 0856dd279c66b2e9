"""What each reduction promises, and what of it is NumPy's own call: the table in the documentation is made of this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

__all__ = ["DECLARATIONS", "Declaration", "Promise", "table"]


class Promise(Enum):
    """Why the result is what it is at any number of workers."""

    NUMPYS_ORDER = "NumPy's bits: NumPy's own order of computing"
    EXACT = "NumPy's bits: exact by nature"
    DETERMINISTIC = "a function of the input alone"


@dataclass(frozen=True)
class Declaration:
    """
    What holds for some functions.

    Attributes
    ----------
    names
        The functions, by their names in ``lightwork.arrays`` or its modules.
    promise
        What is promised of their results.
    shared
        What several workers compute.
    numpys
        What NumPy computes in one call on one core, with the same result.
    """

    names: tuple[str, ...]
    promise: Promise
    shared: str
    numpys: str


#: What a line is: the documentation says it once, above the table.
LINE = "all items, if they lie in one line"

DECLARATIONS = (
    Declaration(
        ("sum",),
        Promise.NUMPYS_ORDER,
        f"{LINE}; many outputs; a few long rows",
        "all items of other layouts, or of float16; other casts than to int, float32 or float64",
    ),
    Declaration(("mean",), Promise.NUMPYS_ORDER, "what `sum` shares, float16 included", "what `sum` leaves to NumPy"),
    Declaration(
        ("var", "std"),
        Promise.NUMPYS_ORDER,
        f"{LINE}, without a temporary array; outputs along the outermost axis",
        "`out=`, `mean=`; all items of float16, or of other layouts; along the outermost axis",
    ),
    Declaration(("average",), Promise.NUMPYS_ORDER, "what `sum` and `mean` share", "`returned=True`; weights of another shape"),
    Declaration(("prod",), Promise.NUMPYS_ORDER, "integers; many outputs", "all items of floating-point and complex numbers"),
    Declaration(
        ("min", "max", "amin", "amax", "ptp", "minmax"),
        Promise.EXACT,
        "all items; many outputs",
        "`initial=`; again, where the result is zero and there are zeros of both signs, since which one it is depends on NumPy's order",
    ),
    Declaration(("argmin", "argmax"), Promise.EXACT, "all items in C order; along one axis", "`out=`; all items of other layouts; bool"),
    Declaration(("any", "all"), Promise.EXACT, "all items; many outputs", "what the first 64th decides; times"),
    Declaration(("count_nonzero",), Promise.EXACT, "all items; outputs along the outermost axis", "other axes of other dtypes than bool"),
    Declaration(
        ("nansum", "nanmean", "nanvar", "nanstd"),
        Promise.NUMPYS_ORDER,
        f"{LINE}, of float32, float64 or longdouble; outputs along the outermost axis",
        "`out=`, `initial=`, `mean=`; outputs with too few numbers, of which NumPy warns; all items of other dtypes or layouts",
    ),
    Declaration(
        ("nanmin", "nanmax"), Promise.EXACT, "what `min` shares", "what `min` leaves to NumPy; again, along some axes, where an output is zero"
    ),
    Declaration(("nanargmin", "nanargmax"), Promise.EXACT, "what `argmin` shares", "what `argmin` leaves to NumPy; complex; chunks that are all NaN"),
    Declaration(("bincount",), Promise.EXACT, "integers in one line", "`weights=`; more bins than items"),
    Declaration(
        ("histogram",),
        Promise.EXACT,
        "a number of bins, or their edges",
        "`weights=`; rules by name; float16, longdouble, complex; bins so narrow that rounding decides",
    ),
    Declaration(
        ("cumsum", "cumprod", "accumulate"),
        Promise.NUMPYS_ORDER,
        "many lines; one line of integers, in two passes",
        "one line of floating-point or complex numbers",
    ),
    Declaration(
        ("reduce",),
        Promise.NUMPYS_ORDER,
        "what `sum`, `prod`, `min`, `any` share, for their ufuncs; for any other ufunc outputs along the outermost axis",
        "all items, for any other ufunc",
    ),
    Declaration(("map_reduce",), Promise.DETERMINISTIC, "the calls of the function", "nothing"),
)


def rows() -> Iterator[tuple[str, ...]]:
    """Yield the table's header and its rows."""
    yield "function", "result", "several workers", "NumPy's own call"
    yield "---", "---", "---", "---"
    for declaration in DECLARATIONS:
        yield " ".join(f"`{name}`" for name in declaration.names), declaration.promise.value, declaration.shared, declaration.numpys


def table() -> str:
    """Return the table as Markdown."""
    return "".join(f"| {' | '.join(row)} |\n" for row in rows())
