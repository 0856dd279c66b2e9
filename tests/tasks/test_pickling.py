"""Whether an object can travel to another process, and what keeps it from doing so."""

import collections
import copyreg
import dataclasses
import functools
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

import lightwork as lw
from lightwork.tasks import round_trip

LOCK = threading.Lock()


@pytest.fixture(autouse=True)
def plain_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickle is as Python has it: dask's scheduler, once imported, has all exceptions pickled in another way."""
    for kind in [kind for kind in copyreg.dispatch_table if issubclass(kind, BaseException | TracebackType)]:
        monkeypatch.delitem(copyreg.dispatch_table, kind)


class Node:
    """An ordinary object."""

    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)

    def method(self) -> None:
        """Do nothing."""


class Slots:
    """An object without a dictionary."""

    __slots__ = ("a", "b")


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    """A dataclass whose state is a list."""

    name: str
    part: object


class Point(NamedTuple):
    """A tuple with names."""

    x: object
    y: object


class Numbers(list[Any]):
    """A list of somebody's own."""


class TwoArguments(Exception):
    """An exception that pickles and does not load: its constructor takes more than its args."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


class Reduced:
    """An object with a pickle of its own making."""

    def __init__(self, reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced() if callable(self.reduced) else self.reduced


class Touchy:
    """An object that goes off when it is touched."""

    touched: list[str] = []  # noqa: RUF012 - of all of them

    def __init__(self) -> None:
        self.lock = LOCK

    @property
    def danger(self) -> None:
        """Go off."""
        self.touched.append("danger")

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            self.touched.append(name)
        raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        self.touched.append("==")
        return True

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        self.touched.append("repr")
        return "Touchy()"


class Unpicklable:
    """An object that says why it does not travel."""

    def __reduce__(self) -> Any:
        raise RuntimeError("leave me here")


def paths(obj: object) -> list[str]:
    """Return where an object fails."""
    return [problem.path for problem in lw.explain_pickle(obj).problems]


def iter_nothing() -> Iterator[int]:
    """Yield nothing."""
    yield from ()


def nested(depth: int) -> list[Any]:
    """Return an empty list in so many others."""
    items: list[Any] = []
    for _ in range(depth):
        items = [items]
    return items


def closure(part: object) -> Callable[[], Any]:
    """Return a function that refers to a variable around it."""

    def inner() -> Any:
        return part

    return inner


# --- Whether ---


@pytest.mark.parametrize("obj", [[1, 2, 3], None, len, Node, Node(a=1), np.arange(3), Point(1, 2), Node().method, np.sin, pickle], ids=repr)
def test_what_can_travel_is_told_from_what_cannot(obj: object) -> None:
    """The answer is that of pickling and loading."""
    expected = obj is not pickle
    assert lw.is_picklable(obj) is expected
    assert bool(lw.explain_pickle(obj)) is expected


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(LOCK, id="a lock"),
        pytest.param(lambda: 0, id="a lambda"),
        pytest.param(iter_nothing(), id="a generator"),
        pytest.param(TwoArguments(1, "x"), id="fails in loading"),
        pytest.param(Reduced(SystemExit), id="a reduce that returns nonsense"),
        pytest.param(Reduced(sys.exit), id="a reduce that exits"),
        pytest.param(Reduced(lambda: (Reduced, (1, 2))), id="wrong arguments"),
        pytest.param(nested(100_000), id="nested too deeply"),
    ],
)
def test_whatever_is_wrong_is_false_and_never_raised(obj: object) -> None:
    """Neither errors of any kind in pickling, nor those that only loading would meet."""
    assert lw.is_picklable(obj) is False
    assert not lw.explain_pickle(obj)


def test_ctrl_c_is_not_taken_for_an_answer() -> None:
    """What the user says in the middle of it is passed on."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    for ask in (lw.is_picklable, lw.explain_pickle):
        with pytest.raises(KeyboardInterrupt):
            ask(Reduced(interrupt))


@examples(50)
@given(
    st.recursive(st.none() | st.integers() | st.text() | st.binary(), lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts), max_leaves=8)
)
def test_simple_objects_travel(obj: object) -> None:
    """All that is made of Python's own."""
    assert lw.is_picklable(obj)


def test_a_pickle_that_would_act_is_not_loaded(tmp_path: Path) -> None:
    """To look at an object is not to run what it names for its loading."""
    marker = tmp_path / "ran"
    for command in ((os.system, (f"touch {marker}",)), (exec, (f"open({str(marker)!r}, 'w')",)), (subprocess.Popen, (["touch", str(marker)],))):
        assert lw.is_picklable([Reduced(command)])
        assert lw.explain_pickle([Reduced(command), LOCK]).problems[0].path == "obj[1]"
    assert not marker.exists()


def test_the_memory_of_arrays_is_not_copied() -> None:
    """An answer about a large array does not need another one."""
    array = np.zeros(4_000_000)
    tracemalloc.start()
    try:
        assert lw.is_picklable({"a": array})
        assert not lw.is_picklable({"a": array, "lock": LOCK})
        assert not lw.explain_pickle({"a": array, "lock": LOCK})
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_large_pickle_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit it is only looked whether it can be made."""
    monkeypatch.setattr(round_trip, "N_BYTES_KEPT", 1000)
    big = [TwoArguments(1, "x"), "x" * 2000]
    assert lw.is_picklable(big)
    assert not lw.is_picklable(big[:1])


# --- Where ---


FAILING: list[tuple[object, str]] = [
    (LOCK, "obj"),
    ([0, [LOCK]], "obj[1][0]"),
    ((0, 1, 2, LOCK), "obj[3]"),
    ({"a": {3: LOCK}}, "obj['a'][3]"),
    ({Point(1, 2): LOCK}, "obj[test_pickling.Point]"),
    ({(1, LOCK): 2}, "obj<key tuple>[1]"),
    ({1, (2, LOCK)}, "obj<element>[1]"),
    (Node(client=Node(lock=LOCK)), "obj.client.lock"),
    (Frozen("x", LOCK), "obj.part"),
    (Point(1, [LOCK]), "obj.y[0]"),
    (SimpleNamespace(part=LOCK), "obj.part"),
    (Numbers([1, LOCK]), "obj[1]"),
    (collections.OrderedDict(k=LOCK), "obj['k']"),
    (collections.deque([1, LOCK]), "obj[1]"),
    (collections.defaultdict(lambda: 0, a=1), "obj<arguments>[0]"),
    (functools.partial(print, 1, LOCK), "obj.args[1]"),
    (functools.partial(print, end=LOCK), "obj.keywords['end']"),
    (functools.partial(LOCK.acquire), "obj.func.__self__"),
    (Node(lock=LOCK).method, "obj.__self__.lock"),
    (ValueError("x", LOCK), "obj.args[1]"),
    (np.array([None, [LOCK]], dtype=object), "obj.flat[1][0]"),
    (Reduced((Node, (LOCK,))), "obj<arguments>[0]"),
    (Reduced((lambda: 0, ())), "obj<constructor>"),
    (Reduced((Node, (), (LOCK,))), "obj<state>[0]"),
    (Node(a=[Unpicklable()]), "obj.a[0]"),
    ([[TwoArguments(1, "x")]], "obj[0][0]"),
    (Node(error=TwoArguments(1, "x")), "obj.error"),
]


@pytest.mark.parametrize(("obj", "path"), [pytest.param(obj, path, id=f"{type(obj).__name__} {path}") for obj, path in FAILING])
def test_the_part_that_fails_has_a_path(obj: object, path: str) -> None:
    """Attributes, keys and indices as Python writes them, and words where it has none."""
    assert paths(obj) == [path]


def test_slots_are_attributes() -> None:
    """An object without a dictionary has them, too."""
    obj = Slots()
    obj.a, obj.b = 1, LOCK  # type: ignore[attr-defined]
    assert paths(obj) == ["obj.b"]


def test_every_part_that_fails_is_named_and_each_once() -> None:
    """Also behind others that fail; one that can be reached by two ways is named by the first."""
    lock = threading.Lock()
    assert paths({"a": LOCK, "b": [lock, LOCK], "c": lock, "d": iter_nothing()}) == ["obj['a']", "obj['b'][0]", "obj['d']"]


def test_a_hundred_failures_are_enough_at_twenty() -> None:
    """Nobody reads more."""
    assert len(paths([threading.Lock() for _ in range(100)])) == 20


def test_a_function_without_a_name_is_looked_into() -> None:
    """Its closure, its defaults and its globals would have to travel with it; modules and functions with names could."""
    assert paths(closure(part=LOCK)) == ["obj", "obj<closure variable part>"]
    assert paths(lambda: (LOCK, np, len, paths)) == ["obj", "obj<global LOCK>"]
    assert paths(lambda part=LOCK: part) == ["obj", "obj.__defaults__[0]"]
    assert paths(closure(part=[closure(part=LOCK)])) == [
        "obj",
        "obj<closure variable part>[0]",
        "obj<closure variable part>[0]<closure variable part>",
    ]


def test_a_local_function_that_calls_itself_is_no_endless_story() -> None:
    """Its own cell leads back to it."""

    def again(n: int) -> int:
        return again(n - 1) if n else 0

    assert paths(again) == ["obj"]


def test_reasons_say_what_to_do() -> None:
    """By name, by message, or by what loading said."""

    class Local:
        pass

    reasons = [problem.reason for problem in lw.explain_pickle([lambda: 0, Local(), LOCK]).problems]
    assert reasons[0] == "a lambda has no name to be found by; define it with def or class at the top of a module"
    assert reasons[1].endswith("<locals>.Local is not to be found from outside; define it with def or class at the top of a module")
    assert reasons[2] == "cannot pickle '_thread.lock' object"
    [unpicklable] = lw.explain_pickle(Unpicklable()).problems
    assert (unpicklable.type_name, unpicklable.reason) == ("test_pickling.Unpicklable", "RuntimeError: leave me here")
    [loading] = lw.explain_pickle([TwoArguments(1, "x")]).problems
    assert "loading it fails: TypeError" in loading.reason
    assert "__reduce__" in loading.reason


def test_an_explanation_can_be_read() -> None:
    """It prints itself, a line for each part."""
    assert repr(lw.explain_pickle([1])) == "can be pickled"
    assert repr(lw.explain_pickle([LOCK])) == "cannot be pickled\n  obj[0] (_thread.lock): cannot pickle '_thread.lock' object"


# --- Cycles ---


def test_cycles_are_followed_once() -> None:
    """An object that leads back to itself fails where its part fails, by whatever way it is met first."""
    parent, child = Node(), Node()
    parent.__dict__.update(child=child, lock=LOCK)
    child.__dict__.update(parent=parent)
    items: list[Any] = [1]
    items.append(items)
    assert paths(parent) == ["obj.lock"]
    assert paths(child) == ["obj.parent.lock"]
    assert paths([items, LOCK]) == ["obj[1]"]
    assert paths(items) == []


def test_what_fails_in_loading_is_found_in_cycles() -> None:
    """The part is blamed, not those that refer to it and back."""
    parent, child = Node(), Node()
    parent.__dict__.update(child=child)
    child.__dict__.update(parent=parent, error=TwoArguments(1, "x"))
    assert paths(parent) == ["obj.child.error"]


def test_an_object_inside_its_own_arguments_is_named() -> None:
    """Pickle goes round and round there; the object is found, not the bottom of the well."""
    selfish = Reduced(None)
    selfish.reduced = (Reduced, (selfish,))
    assert paths([1, selfish]) == ["obj[1]"]


def test_a_part_too_deep_to_look_into_has_the_reason_of_the_whole() -> None:
    """The path is cut, and its length is bounded."""
    deep: Any = LOCK
    for _ in range(200):
        deep = Node(inner=deep)
    [problem] = lw.explain_pickle(deep).problems
    assert problem.reason == "too deep to look into, or inside itself; cannot pickle '_thread.lock' object"
    assert len(problem.path) < 250


# --- Without harm ---


def test_nothing_is_touched_that_pickling_does_not_touch() -> None:
    """No property is evaluated, nothing is compared, and nothing is printed."""
    Touchy.touched.clear()
    explanation = lw.explain_pickle({"a": [Touchy()], Touchy(): LOCK})
    assert [problem.path for problem in explanation.problems] == ["obj['a'][0].lock"]
    str(explanation)
    assert Touchy.touched == []


def test_what_is_of_main_is_a_caution(tmp_path: Path) -> None:
    """It can be pickled here; whether another process finds it is another question."""
    script = tmp_path / "script.py"
    script.write_text(
        "import lightwork as lw\n"
        "class Job: pass\n"
        "def work(): pass\n"
        "explanation = lw.explain_pickle({'work': work, 'jobs': [Job(), Job()]})\n"
        "print(bool(explanation), lw.is_picklable(work), [caution.path for caution in explanation.cautions])\n"
        "print(explanation)\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=60)
    first, *text = done.stdout.splitlines()
    assert first == """True True ["obj['work']", "obj['jobs'][0]<class>"]"""
    assert "is of __main__" in text[1]


def test_explanations_travel() -> None:
    """What was found in one process can be shown in another."""
    explanation = lw.explain_pickle([LOCK])
    assert pickle.loads(pickle.dumps(explanation)) == explanation
