"""A result of many items at a glance, as text and as HTML."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lightwork.tasks.notes import brief

if TYPE_CHECKING:
    from lightwork.tasks.results import ItemResult, ParallelResult

__all__ = ["html_summary", "text_summary"]

N_FAILURES = 10  # that a table shows: a page, not a log


def text_summary(result: ParallelResult[Any], n_ok: int, failed: Iterable[ItemResult[Any]]) -> str:
    """Return the values, cut short, if all are there; if not, how many are, and the first failure."""
    name = type(result).__name__
    if result.ok:
        return f"{name}({brief(result.values())})"
    parts = [f"{n_ok} of {len(result)} ok", result.status.value]
    parts += [f"first failure in item {item.index}: {brief(item.error)}" for item in itertools.islice(failed, 1)]
    return f"<{name}: {', '.join(parts)}>"


def html_summary(result: ParallelResult[Any], n_ok: int, failed: Iterable[ItemResult[Any]]) -> str:
    """Return a table of the first failures under a line of numbers."""
    head = f"<b>{type(result).__name__}</b>: {n_ok} of {len(result)} ok, {result.status.value}"
    rows = [_row(item) for item in itertools.islice(failed, N_FAILURES)]
    if not rows:
        return f"<div>{head}</div>"
    table = f"<table><thead><tr><th>item</th><th>key</th><th>error</th><th>attempts</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
    n_more = len(result) - n_ok - len(rows)
    return f"<div>{head}{table}{f'and {n_more} more' if n_more else ''}</div>"


def _row(item: ItemResult[Any]) -> str:
    from html import escape  # noqa: PLC0415 - its import would take longer than ours

    cells = (str(item.index), "" if item.key is None else brief(item.key), brief(item.error), str(item.attempts))
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
