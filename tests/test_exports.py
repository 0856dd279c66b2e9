"""The surface: the same names at run time and for type checkers, each by one path, and nothing done at import."""

import ast
import importlib
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import lightwork

FLOORS = ("arrays", "policies", "tasks")


def public(module: ModuleType) -> dict[str, object]:
    """Return what a module offers: names without an underscore, but for modules."""
    values = {name: getattr(module, name) for name in dir(module) if name[0] != "_"}
    return {name: value for name, value in values.items() if not isinstance(value, ModuleType)}


def reexports(module: ModuleType) -> set[str]:
    """Return the names that type checkers take for a module's own: those imported as themselves."""
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    aliases = [alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names]
    return {alias.name for alias in aliases if alias.name == alias.asname}


SURFACE = public(lightwork)


def in_a_new_interpreter(code: str) -> str:
    """Run code in a process of its own, in which a warning is an error, and return what it prints."""
    return subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("module", ["lightwork", *(f"lightwork.{floor}" for floor in FLOORS)])
def test_type_checkers_see_what_is_there(module: str) -> None:
    """A package's public names are exactly those that it imports as themselves."""
    assert reexports(importlib.import_module(module)) == set(public(importlib.import_module(module)))


@pytest.mark.parametrize("floor", FLOORS)
def test_the_surface_has_all_that_a_floor_offers(floor: str) -> None:
    """What a floor offers is on the surface, the same object under the same name."""
    offered = public(importlib.import_module(f"lightwork.{floor}"))
    assert {name: SURFACE[name] for name in offered} == offered


def test_no_object_has_two_names() -> None:
    """Each public object is reached by one name of the surface."""
    assert len({id(value) for value in SURFACE.values()}) == len(SURFACE)


@pytest.mark.parametrize("name", SURFACE)
def test_what_is_public_says_where_it_is_and_what_it_does(name: str) -> None:
    """A public object can be imported by the module and the name that it gives, and has a docstring."""
    value = SURFACE[name]
    home = importlib.import_module(value.__module__)
    assert getattr(home, getattr(value, "__qualname__", name)) is value
    assert value.__doc__


def test_the_version_is_the_package_s() -> None:
    """``__version__`` is the version that was installed."""
    assert lightwork.__version__ == version("lightwork")


def test_importing_starts_no_thread_and_needs_numpy_alone() -> None:
    """After the import there is one thread, and no third-party package but NumPy."""
    code = """
import sys, threading
before = set(sys.modules)
import lightwork
new = {name.partition('.')[0] for name in set(sys.modules) - before if getattr(sys.modules[name], '__file__', None)}
print(sorted(new - sys.stdlib_module_names), threading.active_count())
"""
    assert in_a_new_interpreter(code) == "['lightwork', 'numpy'] 1"


def test_importing_waits_for_nothing_that_few_need() -> None:
    """What takes milliseconds to import is imported by who uses it."""
    code = """
import sys, numpy
before = set(sys.modules)
import lightwork
print(sorted({"asyncio", "difflib", "html", "lightwork.tasks", "numpy.random", "statistics"} & (set(sys.modules) - before)))
"""
    assert in_a_new_interpreter(code) == "[]"


def test_statistics_need_nothing_that_is_for_items() -> None:
    """Who only works on arrays sees that no call was made, and imports no more for that than the core's own part."""
    code = "import sys, lightwork; print(lightwork.statistics().submitted, 'lightwork.tasks' in sys.modules)"
    assert in_a_new_interpreter(code) == "0 False"


def test_all_that_is_public_is_listed() -> None:
    """``__all__`` and ``dir`` have the same names, each of which is there."""
    assert lightwork.__all__ == sorted(SURFACE)


def test_names_are_shown_without_what_they_stand_for() -> None:
    """Who looks at the surface, or asks for what is not there, does not import what is for items."""
    code = """
import sys, lightwork
print({*lightwork.__all__} <= {*dir(lightwork)}, hasattr(lightwork, 'parallel_mop'), 'lightwork.tasks' in sys.modules)
"""
    assert in_a_new_interpreter(code) == "True False False"


def test_a_star_brings_everything() -> None:
    """``from lightwork import *`` in a new interpreter has the public names, those for items too, and no other."""
    code = """
before = {*dir(), "before"}
from lightwork import *
after = {*dir()} - before
import lightwork
print(after == {*lightwork.__all__}, parallel_map is lightwork.tasks.parallel_map)
"""
    assert in_a_new_interpreter(code) == "True True"


def test_importing_leaves_the_gil_off() -> None:
    """On a free-threaded interpreter every compiled module says that it does not need the GIL."""
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("needs a free-threaded interpreter")
    assert in_a_new_interpreter("import sys, lightwork; print(sys._is_gil_enabled())") == "False"


def test_the_declarations_of_the_core_are_shipped() -> None:
    """The ``.pxd`` files that a cimport needs stand in the installed package, as does ``py.typed``."""
    package = Path(lightwork.__path__[0])
    sources = Path(__file__).parent.parent / "src" / "lightwork"
    expected = {path.relative_to(sources) for path in (*sources.rglob("*.pxd"), sources / "py.typed")}
    assert expected <= {path.relative_to(package) for path in package.rglob("*")}
