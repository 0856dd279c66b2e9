"""The floors: what may import what, as a table. Arrows point down only, in Python and in Cython."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src" / "lightwork"

LEAVES = {"_errors", "_typing", "_clock", "_cpus", "_config", "_gil", "_log"}

# Each floor, and the floors that it stands on directly; it may import those and all that they stand on.
STANDS_ON: dict[str, set[str]] = {
    "_errors": set(),
    "_typing": {"_errors"},
    "_clock": {"_errors"},
    "_cpus": {"_errors"},
    "_config": {"_errors"},
    "_gil": set(),
    "_log": set(),
    "_core": LEAVES,
    "policies": LEAVES,
    "processes": LEAVES,
    "executors": {"_core", "processes"},
    "engine": {"policies", "executors"},
    "tasks": {"engine", "_core"},
    "arrays": {"_core", "processes", "tasks"},  # the last of these for chunks that run in processes
    "numpy": {"arrays"},
    "testing": {"tasks"},
    "compat": {"arrays", "tasks"},
    "integrations": {"arrays", "tasks"},
    "": {"arrays", "tasks"},  # the surface, lightwork/__init__
    "_demo": {"", "numpy"},
    "_doctor": {""},
    "__main__": {"_demo", "_doctor"},
}

# The nouns of _core from the bottom up, as its README draws them; each cimports and imports only what stands before it.
CORE = (
    "statistics",
    "cache",
    "modules",
    "atomics",
    "gil",
    "parker",
    "placement",
    "chunk",
    "deque",
    "injector",
    "latch",
    "sleep",
    "patience",
    "job",
    "board",
    "pool_state",
    "pause",
    "inner",
    "worker",
    "lifetime",
    "tallies",
    "backlog",
    "launch",
    "threads",
    "pool",
    "parallel",
    "calls",
    "source",
    "place",
    "vectorcall",
    "queue",
    "stopwatch",
    "growth",
    "items",
    "overview",
    "flags",
    "loop",
    "cfunction",
    "sharing",
    "operands",
    "iterators",
    "elementwise",
    "cast",
    "pairwise",
    "line",
    "clones",
    "squares",
    "extremes",
    "reduction",
    "summation",
    "terms",
    "rows",
    "grid",
    "bins",
    "counting",
    "histogram",
    "moves",
    "masked",
    "lowering",
    "caster",
    "program",
    "run",
    "harvest",
)

CIMPORT = re.compile(r"^\s*from\s+([\w.]+)\s+c?import\s+(\([^)]*\)|[^#\n]*)|^\s*c?import\s+([\w.]+)", re.MULTILINE)
DOCSTRING = re.compile(r'"""(?:.|\n)*?"""')


def name_of(path: Path) -> str:
    """Return the dotted name within the package; that of a package for its ``__init__``."""
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path) for pattern in ("*.py", "*.pyx", "*.pxd") for path in SOURCES.rglob(pattern)}


def python_imports(text: str) -> Iterator[str]:
    """Yield the dotted names that a Python file imports, each with what is imported from it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def cython_imports(text: str) -> Iterator[str]:
    """Yield the dotted names that a Cython file imports or cimports, each with what is imported from it."""
    for source, names, module in CIMPORT.findall(DOCSTRING.sub("", text)):
        if module:
            yield module
        for name in re.findall(r"[*\w]+(?: +as +\w+)?", names):
            yield f"{source}.{name.split()[0]}"


def ours(path: Path) -> set[str]:
    """Return the package's own modules that a file imports."""
    text = path.read_text(encoding="utf-8")
    found = python_imports(text) if path.suffix == ".py" else cython_imports(text)
    within = (name.removeprefix("lightwork").lstrip(".") for name in found if name.split(".")[0] == "lightwork")
    return {name if name in MODULES else name.rpartition(".")[0] for name in within} - {name_of(path)}


def floor_of(module: str) -> str:
    """Return the floor on which a module stands."""
    return module.partition(".")[0]


def below(floor: str) -> set[str]:
    """Return every floor that can be reached downwards."""
    return STANDS_ON[floor].union(*(below(lower) for lower in STANDS_ON[floor]))


def files(*patterns: str) -> list[Path]:
    """Return the package's files of some kinds, in order."""
    return sorted(path for pattern in patterns for path in SOURCES.rglob(pattern))


@pytest.mark.parametrize("path", files("*.py", "*.pyx", "*.pxd"), ids=lambda path: str(path.relative_to(SOURCES)))
def test_imports_point_down(path: Path) -> None:
    """A file imports its own floor and lower ones."""
    floor = floor_of(name_of(path))
    upwards = {module for module in ours(path) if floor_of(module) not in below(floor) | {floor}}
    assert upwards == set()


@pytest.mark.parametrize("noun", CORE)
def test_core_nouns_stand_in_order(noun: str) -> None:
    """A noun of the core uses only those before it in the list."""
    before = {f"_core.{lower}" for lower in CORE[: CORE.index(noun)]}
    used = set().union(*(ours(path) for path in files(f"_core/{noun}.p*")))
    assert {module for module in used if floor_of(module) == "_core"} <= before


def test_every_core_noun_is_listed() -> None:
    """The list has exactly the modules of the core."""
    assert set(CORE) == {path.stem for path in files("_core/*.py", "_core/*.pyx", "_core/*.pxd")} - {"__init__"}


def test_the_core_is_drawn_in_this_order() -> None:
    """The drawing in the core's README has the compiled nouns in the list's order."""
    drawing = (SOURCES / "_core" / "README.md").read_text(encoding="utf-8").split("```")[1]
    names = [name for line in drawing.splitlines() for name in re.findall(r"\w+", re.sub(r"\S {6,}.*", lambda gap: gap[0][0], line))]
    assert names == [noun for noun in CORE if noun != "statistics"]


def test_the_table_is_the_drawing() -> None:
    """Policies never reach the core, nor the core policies, and nothing stands on itself."""
    assert "_core" not in below("policies")
    assert below("_core") == LEAVES
    assert all(floor not in below(floor) for floor in STANDS_ON)


def test_readers_see_imports() -> None:
    """Both readers find what they are there to find: names on one line, on several, and of modules."""
    docstring = '"""\nfrom lightwork cimport nothing\n"""\n'
    cython = "from lightwork._core.job cimport (\n    Job,\n)\ncimport lightwork.numpy\nfrom lightwork import _cpus as cpus"
    assert list(cython_imports(docstring + cython)) == ["lightwork._core.job.Job", "lightwork.numpy", "lightwork._cpus"]
    assert list(python_imports("def f():\n    from lightwork.arrays import map")) == ["lightwork.arrays.map"]


@pytest.mark.parametrize("word", ["-ffast-math", "-ofast", "prange", "-fopenmp"])
def test_no_shortcuts(word: str) -> None:
    """No source asks for unsafe arithmetic or for somebody else's thread pool."""
    sources = [*files("*.py", "*.pyx", "*.pxd"), ROOT / "setup.py"]
    assert [path.name for path in sources if word in path.read_text(encoding="utf-8").lower()] == []
