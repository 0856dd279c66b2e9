"""``python -m benchmarks.report`` prints every table with today's figures, and writes them to ``benchmarks/RESULTS.md``.

With names of questions (``bench_ufuncs`` …) it prints those alone, and writes nothing. A miss is news, not an error; the suites are what fails.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import steal_model
from benchmarks._fresh import ask, load
from benchmarks._machine import describe
from benchmarks._tables import Answers, is_reached, markdown, section
from benchmarks.bench_protocol import measured_costs
from benchmarks.bench_skew import C_FUNCTION
from benchmarks.peers import LIGHTWORK, contenders, n_workers

RESULTS = Path(__file__).parent / "RESULTS.md"
PROTOCOL, SKEW = "bench_protocol", "bench_skew"
QUESTIONS = (
    "bench_fork_join",
    PROTOCOL,
    "bench_exp_over_n",
    "bench_ufuncs",
    "bench_where",
    "bench_fuse",
    "bench_reductions",
    "bench_reading",
    SKEW,
    "bench_items",
    "bench_processes",
    "bench_policies",
    "bench_joblib",
    "bench_submit",
    "bench_shared_arrays",
    "bench_memory",
    "bench_import",
    "bench_idle",
)


class Report:
    """The lines of a report, printed as they are known."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.answers: dict[str, Answers] = {}

    def say(self, *lines: str) -> None:
        """Print lines, and keep them for the file."""
        self.lines += lines
        print(*lines, sep="\n", flush=True)

    def head(self) -> None:
        """Say when and where."""
        self.say("# What was measured", "", "[README.md](README.md) says how to read this.", "")
        self.say(f"- {datetime.now(UTC):%Y-%m-%d}, `python -m benchmarks.report`", *(f"- {line}" for line in describe()), "")

    def put(self, question: str) -> None:
        """Ask a question of every contender, and say the answers."""
        self.answers[question] = {peer: ask(question, peer) for peer in contenders(load(question).NEEDS)}
        self.say(*section(load(question), self.answers[question]))

    def missed(self) -> list[str]:
        """Return which targets lightwork did not reach, or gave no answer for."""
        return [
            f"{question}: {line}"
            for question, answers in self.answers.items()
            for line in load(question).LINES
            if (figure := answers[LIGHTWORK].figure(line)) is None or not is_reached(load(question), figure)
        ]

    def model(self) -> None:
        """Say what the model makes of today's costs, and how near it comes where this machine can tell."""
        costs = measured_costs(self.answers[PROTOCOL][LIGHTWORK].figures)
        header = ["efficiency by number of workers", "ideal / chunks", *map(str, steal_model.WORKERS)]
        self.say(f"## {(steal_model.__doc__ or '').splitlines()[0]}", "", f"Simulated, with {costs}, nanoseconds.", "")
        self.say(*markdown(header, steal_model.table(costs)), "", *self.model_beside_machine(costs), "")

    def model_beside_machine(self, costs: steal_model.Costs) -> list[str]:
        """Compare the model with the skewed work that was measured, on as many workers."""
        figure = self.answers[SKEW][LIGHTWORK].figure(C_FUNCTION)
        if figure is None:
            return []
        chunks = steal_model.cut(steal_model.front_loaded, int(figure.details["n_chunks"]), round(figure.partner * 1e9))
        model = steal_model.simulate(chunks, n_workers(), costs).efficiency
        machine = figure.partner / (n_workers() * figure.seconds)
        return [f"{C_FUNCTION.capitalize()}, skewed, on {n_workers()} workers: model {model:.2f}, machine {machine:.2f}."]


def main(questions: list[str]) -> None:
    """Measure everything, or what was asked for."""
    report = Report()
    report.head()
    for question in questions or QUESTIONS:
        report.put(question)
    if not questions:
        report.model()
    missed = report.missed()
    report.say("## Missed" if missed else "Every target was reached.", "", *(f"- {line}" for line in missed))
    if not questions:
        RESULTS.write_text("\n".join(report.lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
