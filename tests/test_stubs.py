"""Stubs: one for each compiled module and for nothing else. What stands in them is stubtest's to judge, on the built wheel."""

from pathlib import Path

ROOT = Path(__file__).parent.parent


def modules(folder: str, suffix: str) -> set[str]:
    """Return the paths of a folder's files of a kind, without the kind."""
    return {str(path.relative_to(ROOT / folder).with_suffix("")) for path in (ROOT / folder).rglob(f"*{suffix}")}


def test_every_compiled_module_has_a_stub_and_nothing_else_has() -> None:
    """Each ``src/**/x.pyx`` is described by ``stubs/**/x.pyi``."""
    assert modules("stubs", ".pyi") == modules("src", ".pyx") != set()


def test_stubs_leave_packages_to_the_sources() -> None:
    """No stub stands for a package, or type checkers would not look for its Python modules in ``src``."""
    assert list((ROOT / "stubs").rglob("__init__.pyi")) == []
