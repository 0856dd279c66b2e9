"""Segments whose processes are killed, or for which there is no room: told in processes of their own."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from stories import FORKS_KNOWINGLY, STORIES, check, end_session

from lightwork.processes.answer import Answer, answer_with
from lightwork.processes.loading import loads
from lightwork.processes.segment import Token
from lightwork.processes.segments import Segments

SECONDS = 60.0


@contextlib.contextmanager
def amid_arrays(*arguments: object) -> Iterator[tuple[int, list[int]]]:
    """Run a program up to where its workers have mapped its arrays; yield its process and theirs."""
    command = [sys.executable, str(STORIES / "kill_amid_arrays.py"), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        workers: list[int] = []
        try:
            workers += [int(process.stdout.readline()) for _ in range(2)]
            yield process.pid, workers
            for one in (process.pid, *workers):
                kill(one)
            wait_for_session(process.pid)  # the standard library's tracker removes the pool's semaphores when all others have ended
        finally:
            end_session(process.pid)


def kill(process: int) -> None:
    """Kill a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def wait_for_session(leader: int) -> None:
    """Wait until nobody of a session runs, but those that nobody has asked how they ended."""
    deadline = time.monotonic() + SECONDS
    while any(runs_in(leader, stat) for stat in Path("/proc").glob("[0-9]*/stat")):
        assert time.monotonic() < deadline
        os.sched_yield()


def runs_in(leader: int, stat: Path) -> bool:
    """Whether a process of a session runs, by its state and session as Linux tells them."""
    try:
        state, _, _, session = stat.read_text("ascii", "replace").rpartition(")")[2].split()[:4]
    except OSError:  # it has ended
        return False
    return int(session) == leader and state not in "ZX"


def has_segments(process: int | str) -> bool:
    """Whether a process has one of our segments mapped or open."""
    try:
        texts = [Path(f"/proc/{process}/maps").read_text("ascii"), *map(target, Path(f"/proc/{process}/fd").iterdir())]
    except OSError:  # it has ended
        return False
    return any("memfd:lightwork" in text for text in texts)


def target(link: Path) -> str:
    """Return where a link goes, if it is there still: the folder was open itself when it was read."""
    try:
        return str(link.readlink())
    except OSError:
        return ""


def wait_until_gone(*processes: int) -> None:
    """Wait until processes have let go of what they had."""
    deadline = time.monotonic() + SECONDS
    while any(has_segments(process) for process in processes):
        assert time.monotonic() < deadline
        os.sched_yield()


def lightwork_files() -> set[str]:
    """Return what is in the directory for shared memory by our name."""
    return {name for name in os.listdir("/dev/shm") if "lightwork" in name}


def test_memory_ends_with_processes_that_are_killed() -> None:
    """After the caller its workers have what they mapped, and with the last of them it is gone; it has no name at any time."""
    with amid_arrays() as (caller, workers):
        assert all(has_segments(process) for process in (caller, *workers))
        assert not lightwork_files()
        os.kill(caller, signal.SIGKILL)
        wait_until_gone(caller)
        assert not lightwork_files()
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        wait_until_gone(*workers)
    assert not lightwork_files()


def test_a_worker_s_death_costs_the_others_nothing() -> None:
    """They have what they mapped; it is gone with the last of them, and so is what only the dead one had."""
    with amid_arrays() as (caller, (victim, other)):
        os.kill(victim, signal.SIGKILL)
        wait_until_gone(victim)
        assert not lightwork_files()
        os.kill(other, signal.SIGKILL)
        wait_until_gone(other, caller)  # which ends of the error
    assert not lightwork_files()


def test_files_of_a_directory_have_no_names_even_while_they_are_used(tmp_path: Path) -> None:
    """So a caller that is killed cannot leave any."""
    with amid_arrays(tmp_path) as (caller, workers):
        maps = Path(f"/proc/{workers[0]}/maps").read_text("ascii")
        assert str(tmp_path) in maps
        assert not [*tmp_path.iterdir()]
        os.kill(caller, signal.SIGKILL)
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
    assert not [*tmp_path.iterdir()]


def test_files_with_names_are_removed_by_a_program_that_ends(tmp_path: Path) -> None:
    """Also those of arrays that it has till the end."""
    check("exit_with_shared_arrays", tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_forked_child_shares_what_its_parent_shares(tmp_path: Path) -> None:
    """It can send it, also when its parent is gone, and does not remove what is its parent's."""
    check("fork_with_shared_arrays", tmp_path, options=FORKS_KNOWINGLY)
    assert not [*tmp_path.iterdir()]


def test_too_large_arrays_are_refused(tmp_path: Path) -> None:
    """With an error that says what limits them, and smaller ones go."""
    check("little_room", tmp_path)


def double(payload: bytes, token: Token) -> bytes:
    """What a worker does that gets an array and returns one."""
    return answer_with(loads(payload) * 2, token)


def die(payload: bytes, token: Token) -> None:
    """What it does that is killed after its answer is written and before it is sent."""
    answer_with(loads(payload), token)
    os.kill(os.getpid(), signal.SIGKILL)


def test_no_data_goes_through_the_pipe() -> None:
    """Neither there nor back; and a worker that dies in the middle of it leaves its answer's memory to the caller, who closes it."""
    array = np.arange(1_000_000.0)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool, Segments() as segments:
        payload = segments.dumps(array).payload
        with Answer() as answer:
            back = pool.submit(double, payload, answer.token).result()
            assert max(len(payload), len(back)) < 1000
            np.testing.assert_array_equal(answer.loads(back), 2 * array)
        with Answer() as answer, pytest.raises(BrokenProcessPool):
            pool.submit(die, payload, answer.token).result()
    gc.collect()
    assert not has_segments("self")
