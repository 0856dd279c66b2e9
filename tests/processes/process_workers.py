"""Programs with worker processes, as users write them: without a guard, in daemonic processes, interrupted, killed; nobody is left behind."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from multiprocessing import resource_tracker
from pathlib import Path

import lightwork as lw

SECONDS = 20


class Money(int):
    """A class of the main program."""


def double(item: int) -> Money:
    """Be a function of the main program, which no worker can import."""
    return Money(2 * item)


@lw.parallel(executor="process", workers=2)
def triple(item: int) -> int:
    """Be one that is decorated."""
    return 3 * item


def say_and_hang(directory: str) -> None:
    """Say who hangs."""
    (Path(directory) / str(os.getpid())).touch()
    time.sleep(1000)


def say_and_count(directory: str) -> None:
    """Say who counts, for hours and without a look at anything else."""
    (Path(directory) / str(os.getpid())).touch()
    sum(range(10**13))


def check_run() -> None:
    """Run items in processes."""
    result = lw.parallel_map(double, range(100), executor="process", workers=2)
    assert list(result) == [2 * item for item in range(100)]
    assert all(type(value) is Money for value in result)
    assert list(triple.map(range(5))) == [0, 3, 6, 9, 12]


def until(state: Callable[[], object]) -> float:
    """Wait for something; return how long that took."""
    began = time.monotonic()
    while not state():
        assert time.monotonic() < began + SECONDS
        time.sleep(0.01)
    return time.monotonic() - began


def is_gone(process: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def children() -> list[int]:
    """Return this process's children that live, but for those who keep count of resources."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended
            found += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in found if not is_gone(pid) and b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()]


def leftovers(parent: int, directory: str) -> list[Path]:
    """Return what stands in shared memory of a process, and in its directory of temporary files, of ours and of those whom we ask."""
    found = [*Path("/dev/shm").glob(f"sem.loky-{parent}-*"), *Path(directory).iterdir()]
    return [path for path in found if path.name.startswith(("sem.loky", "lightwork-"))]


def be_plain() -> None:
    """Run, and end everything."""
    check_run()
    check_run()
    assert lw.shutdown(SECONDS)
    assert not children()


def be_daemonic() -> None:
    """Run in a daemonic process, as task queues have them."""
    process = multiprocessing.get_context("fork").Process(target=be_plain, daemon=True)
    process.start()
    process.join(SECONDS)
    assert process.exitcode == 0, process.exitcode


def be_a_child() -> None:
    """Run in a process of multiprocessing's, which waits for its children at exit."""
    process = multiprocessing.get_context("fork").Process(target=check_run)
    process.start()
    process.join(SECONDS)
    assert process.exitcode == 0, process.exitcode


def be_interrupted() -> None:
    """Get Ctrl-C, with everybody in this terminal, while workers are busy."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
    check_run()
    with tempfile.TemporaryDirectory() as directory:

        def interrupt() -> None:
            until(lambda: len(list(Path(directory).iterdir())) == 2)
            os.killpg(os.getpgid(0), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        try:
            lw.parallel_map(say_and_hang, [directory] * 2, executor="process", workers=2)
        except KeyboardInterrupt:
            print("interrupted")
        until(lambda: all(is_gone(int(path.name)) for path in Path(directory).iterdir()))
    check_run()
    be_plain()


def be_killed(how: str = "hang") -> None:
    """Be a program whose parent is killed, while workers are busy and while they are idle."""
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as scratch:
        victim = subprocess.Popen([sys.executable, __file__, how, directory], stderr=subprocess.DEVNULL, env=os.environ | {"TMPDIR": scratch})
        until(lambda: len(list(Path(directory).iterdir())) == 2)
        assert leftovers(victim.pid, scratch)
        victim.kill()
        workers = [int(path.name) for path in Path(directory).iterdir()]
        print(until(lambda: all(map(is_gone, workers))))
        victim.wait()
        until(lambda: not leftovers(victim.pid, scratch))


def be_forked() -> None:
    """Fork with warm workers: the child has its own, and the parent keeps its."""
    check_run()
    here = set(children())
    warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
    child = os.fork()
    if child == 0:
        vars(resource_tracker._resource_tracker)["_pid"] = None  # CPython's 3.13 waits at exit for the parent's, which is no child of this one
        be_plain()
        return
    assert os.waitpid(child, 0)[1] == 0
    check_run()
    assert here <= set(children())


def be_spawned() -> None:
    """Use the standard library's way, which has no use for a program like this; those it starts say so, too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with lw.ProcessPool(1, multiprocessing.get_context("spawn")) as pool:
        try:
            lw.parallel_map(abs, [-1], executor=pool)
        except lw.WorkerLost as lost:
            print(lost)


WAYS = {
    "spawned": be_spawned,
    "plain": be_plain,
    "daemonic": be_daemonic,
    "child": be_a_child,
    "interrupted": be_interrupted,
    "killed": be_killed,
    "killed counting": lambda: be_killed("count"),
    "forked": be_forked,
    "left": check_run,
}

if sys.argv[1] == "count":
    lw.parallel_map(say_and_count, sys.argv[2:] * 2, executor="process", workers=2)
elif sys.argv[1] == "hang":
    lw.parallel_map(say_and_hang, sys.argv[2:] * 2, executor="process", workers=2)
else:
    WAYS[sys.argv[1]]()  # without a guard
