"""Every example in README.md and docs/ runs, and prints what it says it prints."""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lightwork
from lightwork import testing

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


NEEDED = {"docs/beyond.md": "distributed"}  # which not every interpreter has


def blocks(text: str, kind: str) -> list[tuple[int, str]]:
    """Return a page's blocks of one kind, each with the number of lines before its first."""
    return [(text.count("\n", 0, match.start(2)), match[2]) for match in BLOCK.finditer(text) if match[1] == kind]


def report_of(test: doctest.DocTest) -> str:
    """Run an interactive session; return what went otherwise than it says."""
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test, out=report.append)
    return "".join(report)


def names(page: Path) -> str:
    """Return a page's path within the project."""
    return str(page.relative_to(ROOT))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples that write files do so in a folder of their own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module", autouse=True)
def workers() -> Iterator[None]:
    """Processes that examples have started end with them."""
    yield
    assert lightwork.shutdown(60)


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_python_blocks_run(page: Path) -> None:
    """The ``python`` blocks of a page run one after the other, as one program."""
    if names(page) in NEEDED:
        pytest.importorskip(NEEDED[names(page)])
    namespace: dict[str, object] = {"__name__": "__main__"}
    for n_before, code in blocks(page.read_text(encoding="utf-8"), "python"):
        exec(compile("\n" * n_before + code, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_pycon_blocks_print_what_they_say(page: Path) -> None:
    """The ``pycon`` blocks of a page are one session, and its output is what stands there."""
    session = "".join(code + "\n" for _, code in blocks(page.read_text(encoding="utf-8"), "pycon"))
    test = doctest.DocTestParser().get_doctest(session, {"__name__": "__main__"}, names(page), str(page), 0)
    assert report_of(test) == ""


# Without ``lightwork.numpy``, if another test imported it: its docstrings are NumPy's.
PUBLIC = {name: value for name, value in vars(lightwork).items() if name[0] != "_" and name != "numpy"} | {
    name: getattr(testing, name) for name in testing.__all__
}


@pytest.mark.parametrize("name", PUBLIC)
def test_examples_in_docstrings_print_what_they_say(name: str) -> None:
    """The examples of a public object and of its methods give what stands there."""
    for test in doctest.DocTestFinder(recurse=True).find(PUBLIC[name], name, module=False, globs={}):
        assert report_of(test) == ""


def test_blocks_are_found_where_they_stand() -> None:
    """A block is told from another kind's, and knows its line."""
    page = "# Title\n\n```python\nx = 1\n```\n\n```\nplain\n```\n\n```pycon\n>>> 1\n1\n```\n"
    assert blocks(page, "python") == [(3, "x = 1\n")]
    assert blocks(page, "pycon") == [(11, ">>> 1\n1\n")]
