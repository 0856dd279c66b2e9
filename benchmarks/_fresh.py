"""Each contender answers each question in a fresh process, which prints JSON: no other's threads, caches or settings are there.

``python -m benchmarks._fresh QUESTION PEER`` is that process; ``ask`` starts it and reads the answer.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from benchmarks._harness import Figure, Question, measure
from benchmarks.peers import NAMES

ROOT = Path(__file__).parent.parent
TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class Answer:
    """The figures of one contender for one question, or why there are none."""

    figures: list[Figure] = field(default_factory=list)
    missing: str = ""

    def figure(self, line: str) -> Figure | None:
        """Return the figure for one line of the table."""
        return next((figure for figure in self.figures if figure.line == line), None)


def load(question: str) -> Question:
    """Import a question by the name of its module."""
    return cast(Question, import_module(f"benchmarks.{question}"))


def answer(question: str, peer: str) -> Answer:
    """Measure one contender in this process."""
    try:
        module = import_module(f"benchmarks.peers.{peer}")
    except ModuleNotFoundError as error:
        return Answer(missing=f"{error.name} is not installed")
    asked = load(question)
    if asked.NEEDS in module.CANNOT:
        return Answer(missing=f"{NAMES[peer]} {module.CANNOT[asked.NEEDS]}")
    return Answer([measure(case) for case in asked.cases(module)])


def ask(question: str, peer: str) -> Answer:
    """Measure one contender in a process of its own; a failure is an answer too, told by its last line."""
    command = [sys.executable, "-m", "benchmarks._fresh", question, peer]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if child.returncode != 0:
        return Answer(missing=f"failed: {(child.stderr.strip() or f'exit code {child.returncode}').splitlines()[-1]}")
    return parse(json.loads(child.stdout.splitlines()[-1]))


def parse(data: dict[str, Any]) -> Answer:
    """Rebuild an answer from its JSON."""
    return Answer([Figure(**figure) for figure in data["figures"]], data["missing"])


if __name__ == "__main__":
    print(json.dumps(asdict(answer(*sys.argv[1:]))))
