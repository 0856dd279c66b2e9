"""numexpr, whose virtual machine runs expressions in blocks on its own threads."""

from collections.abc import Callable
from typing import Any

import numexpr

from benchmarks.peers import n_workers

IMPORT = "numexpr"
CANNOT = {
    "fork_join": "runs nothing but expressions",
    "pieces": "runs nothing but expressions",
    "over_slices": "runs no functions but its own",
}

numexpr.set_num_threads(n_workers())


def elementwise(name: str) -> Callable[..., Any]:
    """Evaluate ``name(a)`` or ``name(a, b)``, its arguments given by name so that no frame is searched."""

    def run(*operands: Any) -> None:
        *arrays, out = operands
        names = dict(zip("ab", arrays, strict=False))
        numexpr.evaluate(f"{name}({', '.join(names)})", local_dict=names, global_dict={}, out=out)

    return run


def expression() -> Callable[..., Any]:
    """Evaluate it by its text."""

    def run(a: Any, b: Any, out: Any) -> None:
        numexpr.evaluate("sqrt(a*a + b*b)*exp(-a) + a*b", local_dict={"a": a, "b": b}, global_dict={}, out=out)

    return run


def masked() -> Callable[..., Any]:
    """Evaluate a choice between the quotient and what is there."""

    def run(a: Any, b: Any, mask: Any, out: Any) -> None:
        numexpr.evaluate("where(mask, a / b, out)", local_dict={"a": a, "b": b, "mask": mask, "out": out}, global_dict={}, out=out)

    return run


def reduction(name: str) -> Callable[..., Any] | None:
    """Evaluate ``sum(a)`` or ``max(a)``, of which it has no others."""
    if name not in ("sum", "max"):
        return None
    return lambda array: numexpr.evaluate(f"{name}(a)", local_dict={"a": array}, global_dict={})
