"""Answers as Markdown tables: a row per line of a question, lightwork beside its target, then its peers."""

from collections.abc import Iterator, Sequence
from math import isfinite

from benchmarks._fresh import Answer
from benchmarks._harness import Figure, Measure, Question
from benchmarks.peers import LIGHTWORK, NAMES

Answers = dict[str, Answer]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table whose columns also line up where it is read as plain text."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    body = [header, ["-" * width for width in widths], *rows]
    return ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in body]


def section(question: Question, answers: Answers) -> list[str]:
    """Return one question with its table and notes."""
    shown = [peer for peer in answers if answers[peer].figures]
    header = [question.MEASURE.name, "target", "", *(NAMES[peer] for peer in shown), "cores free"]
    rows = [row(question, line, [answers[peer].figure(line) for peer in shown]) for line in question.LINES]
    return [f"## {title(question)}", "", *markdown(header, rows), "", *notes(answers), ""]


def title(question: Question) -> str:
    """Return the question itself, the first line of its module."""
    return (question.__doc__ or "").splitlines()[0]


def row(question: Question, line: str, figures: Sequence[Figure | None]) -> list[str]:
    """Return one line of a table, lightwork's figure before its peers'."""
    present = [figure for figure in figures if figure is not None]
    cores = f"{min(figure.free_cores for figure in present):.1f}" if present else ""
    return [line, *verdict(question, figures[0]), *(cell(question.MEASURE, figure) for figure in figures), cores]


def verdict(question: Question, figure: Figure | None) -> tuple[str, str]:
    """Return the target as a figure of the same kind, and whether lightwork reached it."""
    if figure is None or not isfinite(question.limit(figure)):
        return "", ""
    limit = question.limit(figure)
    target = f"{question.MEASURE.bound} {question.MEASURE.show(limit, figure.partner)}"
    if is_reached(question, figure):
        return target, "pass"
    return target, "**miss**, busy" if figure.is_disturbed else "**miss**"


def is_reached(question: Question, figure: Figure) -> bool:
    """Whether lightwork keeps within its limit, with its partner's bits."""
    return figure.bits and figure.seconds <= question.limit(figure)


def cell(measure: Measure, figure: Figure | None) -> str:
    """Return a figure; a ~ marks results that are near its partner's, but not its bits."""
    if figure is None:
        return "-"
    return measure.show(figure.seconds, figure.partner) + ("" if figure.bits else " ~")


def notes(answers: Answers) -> Iterator[str]:
    """Yield who has no answer and why, and what else was counted."""
    for peer, answer in answers.items():
        if answer.missing:
            yield f"- {NAMES[peer]}: {answer.missing}"
    for figure in answers[LIGHTWORK].figures:
        if figure.details:
            yield f"- lightwork, {figure.line}: " + ", ".join(f"{name} = {number:.3g}" for name, number in figure.details.items())
