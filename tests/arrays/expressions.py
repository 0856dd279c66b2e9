"""
Random functions of arrays for Hypothesis.

A function is drawn as the lines of its body, so that a falsifying example can be read and run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

UNARY = (
    "np.negative({0})", "np.absolute({0})", "np.square({0})", "np.sqrt({0})", "np.exp({0})", "np.log1p({0})", "np.sin({0})",
    "np.isnan({0})", "np.sign({0})", "np.floor({0})", "np.cbrt({0})", "np.logical_not({0})", "-{0}", "abs({0})", "{0}.copy()",
    "{0} ** 2", "{0} ** 0.5", "{0} ** 3", "1 / {0}", "{0} * 2", "0.5 - {0}", "{0} > 1", "{0} * np.float32(3)", "{0} + np.int64(7)",
    "{0}.astype('f4')", "{0}.astype(np.int64)", "{0}.astype(bool)", "{0}.astype('g')", "{0}.astype('D')", "np.conj({0})",
    "{0}.real", "np.imag({0})", "np.clip({0}, -2, 3)", "np.clip({0}, 1, None)", "np.round({0}, 2)", "np.round({0})",
    "np.isclose({0}, 1.0)", "np.nan_to_num({0})", "np.where({0} > 0, {0}, 0)", "np.zeros_like({0})", "np.full_like({0}, 2)",
    "np.add({0}, 1, dtype='f8')", "np.modf({0})[1]", "np.frexp({0})[1]", "np.signbit({0})", "np.isfinite({0})", "~({0} < 1)",
    "np.sinc({0})", "np.polyval([2, -1, 0.5], {0})", "np.select([{0} > 1, {0} < 0], [{0}, 2], -1)",
)  # fmt: skip

BINARY = (
    "{0} + {1}", "{0} - {1}", "{0} * {1}", "{0} / {1}", "{0} // {1}", "{0} % {1}", "{0} + {1}", "{0} * {1}", "np.maximum({0}, {1})",
    "np.hypot({0}, {1})", "np.arctan2({0}, {1})", "np.fmin({0}, {1})", "{0} < {1}", "{0} == {1}", "({0} > {1}) | ({0} != {1})",
    "np.where({0} >= {1}, {0}, {1})", "np.where({0}, {1}, 1.5)", "divmod({0}, {1})[0]", "np.copysign({0}, {1})", "np.power({0}, {1})",
    "np.logaddexp({0}, {1})", "np.isclose({0}, {1})", "np.clip({0}, {1}, {1})", "np.add({0}, {1}, dtype='f4')", "np.heaviside({0}, {1})",
    "np.select([{0} > {1}, {1} != 0], [{1}, {0}], {0})", "np.select([{0} > {1}], [1], {1})",
)  # fmt: skip

# Statements that change a value of the function's own.
IN_PLACE = ("{0} += {1}", "{0} -= {1}", "{0} *= {1}", "{0} /= {1}", "{0} *= 2", "{0} **= 2", "{0}[{0} > 1] = 0", "np.sin({0}, out={0})",
    "np.sqrt({0}, out={0}, where={0} > 0)", "np.add({0}, {1}, out={0}, where={1} != 0)")  # fmt: skip


# What may be a view of an argument, which a fused function must not change.
VIEWS = ("{0}.real", "np.imag({0})", "np.round({0})", "np.round({0}, 2)")


@dataclass(frozen=True)
class Expression:
    """
    A function by its source.

    Attributes
    ----------
    arguments : tuple of str
        The names of its arrays.
    lines : tuple of str
        Its body.
    """

    arguments: tuple[str, ...]
    lines: tuple[str, ...]

    def build(self) -> Callable[..., Any]:
        """Compile it."""
        body = "\n".join(f"    {line}" for line in self.lines)
        scope: dict[str, Any] = {"np": np}
        exec(f"def drawn({', '.join(self.arguments)}):\n{body}\n", scope)
        function: Callable[..., Any] = scope["drawn"]
        return function


@st.composite
def expressions(draw: st.DrawFn, n_arguments: int, n_lines: int = 8, *, in_place: bool = True) -> Expression:
    """Draw a function of some arrays that computes up to so many values, perhaps in place, and returns one, two or all of them."""
    arguments = tuple("abcde"[:n_arguments])
    computed: list[str] = []
    views: set[str] = set()
    lines: list[str] = []
    for number in range(draw(st.integers(1, n_lines))):
        names = st.sampled_from((*arguments, *computed))
        kind = draw(st.integers(0, 9))
        if kind == 0 and computed and in_place:
            own = [name for name in computed if name not in views]
            if own:
                lines.append(draw(st.sampled_from(IN_PLACE)).format(draw(st.sampled_from(own)), draw(names)))
            continue
        template = draw(st.sampled_from(UNARY if kind < 5 else BINARY))
        computed.append(f"v{number}")
        if template in VIEWS:
            views.add(f"v{number}")
        lines.append(f"v{number} = {template.format(draw(names), draw(names))}")
    is_quiet: bool = draw(st.booleans())
    if lines and is_quiet:
        with_errstate = draw(st.integers(0, len(lines) - 1))
        lines[with_errstate] = f"with np.errstate(all='ignore'): {lines[with_errstate]}"
    returned = draw(st.sampled_from((computed[-1:], computed[-1:], computed[-2:], computed))) or [arguments[0]]
    lines.append(f"return {', '.join(returned)}")
    return Expression(arguments, tuple(lines))
