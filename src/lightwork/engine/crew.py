"""Who carries out a run: workers that take its items, and a caller who waits for what comes of them."""

from __future__ import annotations

import contextvars
import functools
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lightwork._clock import Clock
from lightwork._errors import TimedOut
from lightwork.engine.caller import Caller
from lightwork.engine.chunk import Chunk
from lightwork.engine.keeper import Watch
from lightwork.engine.run import Run
from lightwork.engine.verdict import Verdict, judge
from lightwork.engine.workers import Workers
from lightwork.executors.loops import loop_for
from lightwork.policies.stop import StopToken
from lightwork.policies.turnstile import Cost

__all__ = ["Crew"]


class Crew:
    """
    Drives a run from several threads: its lock, its workers, and its clock.

    Workers take chunks from the run and bring back what came of them; one that finds nothing to begin goes home. The caller
    lets items in, reads what is done, and sleeps until there is something for him. Whoever waits also keeps the time; while the caller is
    elsewhere, with the source or with a reader, a thread of its own does, if anything will be due.

    Parameters
    ----------
    run : Run
        What to drive.
    workers : Workers
        Who run the chunks.
    clock : Clock
        Tells the time.
    token : StopToken, optional
        Stops the run.
    enter : callable, optional
        Called by a worker with each chunk before it is run.
    wants_results : bool
        Whether the caller is to be woken for what is done, and not only for the end or for want of items.
    keys : mapping, optional
        What the items are called, by index, as policies' hooks are told; it may grow.

    Notes
    -----
    No code of the user's runs under the lock, and whoever pokes - limiters, tokens, signal handlers - never waits for it: he leaves a
    note, and who holds the lock answers it. Nor does he hear of what goes wrong with the run, which is its caller's.
    """

    def __init__(
        self,
        run: Run,
        workers: Workers,
        clock: Clock,
        *,
        token: StopToken | None = None,
        enter: Callable[[Chunk], object] | None = None,
        wants_results: bool = False,
        keys: Mapping[int, Any] | None = None,
    ) -> None:
        self.run = run
        self.clock = clock
        self._loop = loop_for(clock)
        self._workers = workers
        self._token = token
        self._enter = enter
        self._keys: Mapping[int, Any] = {} if keys is None else keys
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._caller = Caller(run, wants_results=wants_results)
        self._n_workers = 0  # that were called and have not gone home
        self._watch = Watch(self.keep, clock, self._context)
        self._is_poked = False
        self._is_closed = False
        self._failure: BaseException | None = None
        self._unsubscribe = token.on_stop(self.poke) if token is not None else None

    # --- The caller -------------------------------------------------------------------------------------------------

    def admit(self, items: Sequence[Any], costs: Sequence[Cost] | None = None) -> None:
        """Let items in."""
        self._tell(lambda now: self.run.admit(items, now, costs))

    def exhaust(self, error: BaseException | None = None) -> None:
        """Note that the source has no more items, or has failed."""
        self._tell(lambda now: self.run.exhaust(now, error))

    def read(self, n_items: int) -> None:
        """Note that so many results were read."""
        self._tell(lambda now: self.run.read(n_items, now))

    def wait(self, until: float = math.inf) -> None:
        """Return when there is something for the caller to do, or at a time; work along if that is the way."""
        self._caller.is_away = False
        while not self._look(until):
            if not (self._workers.is_here and self._lend_a_hand()):
                self._caller.sleep(self.clock)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come than is in ``run.finished``."""
        with self._lock:  # else one might come in between
            return self.run.is_over

    def raise_failure(self) -> None:
        """Raise what went wrong that is no item's failure."""
        if self._failure is not None and self.run.status is not None:  # else all items had come to their end before
            raise self._failure

    def leave(self) -> None:
        """Say that the caller goes elsewhere: somebody else keeps the time until he waits again."""
        if not self._caller.is_away:
            self._caller.is_away = True
            self._tell(lambda _now: None)

    def close(self, error: BaseException | None = None) -> None:
        """End the run, whatever is unfinished; nobody waits for what workers have in hand."""
        self._is_closed = True  # before the end is told
        self._tell(lambda now: self.run.stop("cancelled", now, error, abandon=True))
        self._retire()

    def inherit(self, crew: Crew) -> None:
        """Go on in another's place, before anything was begun: with its lock, for somebody may yet come to it."""
        self._lock = crew._lock

    def _retire(self) -> None:
        """Hear of nothing any more, and keep no time."""
        self._is_closed = True
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._watch.end()

    def keep(self) -> float | None:
        """Do what is due; return when something will be, or None if nothing ever will."""
        try:
            self._tell(self.run.due)
        except BaseException as error:  # nobody waits here to be told that the workers' pool was shut down
            self._fail(error)
        return None if self._is_closed or self.run.is_over else self._watch.due

    def poke(self) -> None:
        """Have limiters and the token looked at again; from any thread, also from one that holds the lock."""
        self._is_poked = True
        self._answer()

    # --- Inside: the caller -----------------------------------------------------------------------------------------

    @property
    def _is_inline(self) -> bool:
        return self._workers.n_workers == 1 and self._workers.is_here

    def _tell(self, event: Callable[[float], object]) -> None:
        """Let the run know of something, and do what it wants to be done."""
        with self._lock:
            event(self.clock.now())
            n_more, wakes = self._n_to_call(), self._wakes()
        self._act(n_more, wakes=wakes)

    def _look(self, until: float) -> bool:
        """Do what is due; return whether there is something for the caller, who else may sleep."""
        with self._lock:
            self.run.due(self.clock.now())
            has_news = self._caller.has_news or self.clock.now() >= until
            self._watch.due = self.run.timers.next_due
            n_more = self._n_to_call()
            self._caller.lie_down(-math.inf if has_news else min(self._watch.due, until, self._rest_is_due()))
        self._act(n_more, wakes=False)
        return has_news

    def _lend_a_hand(self) -> bool:
        with self._lock:
            chunk = self.run.take(self.clock.now())
            self._caller.sleep_less(self.run.timers.next_due)  # a limiter may have said when to ask again
        if self._is_poked:
            self._answer()
        if chunk is None:
            return False
        self._caller.is_away = True
        try:
            self._context.copy().run(self._run_inline, chunk)
        finally:
            self._caller.is_away = False
        return True

    def _run_inline(self, chunk: Chunk) -> None:
        self._start(chunk)
        self._bring_back(chunk, chunk.run(self._loop), goes_on=False)

    def _wakes(self) -> bool:
        """Note what is due; return whether the caller has to be woken."""
        self._watch.due = self.run.timers.next_due
        could_help = self._workers.is_here and self.run.n_startable > 0  # those who were called for it may all be waiting like the caller
        return self._caller.rises(self._watch.due, could_help=could_help)

    # --- Inside: workers --------------------------------------------------------------------------------------------

    def _n_to_call(self) -> int:
        """Return how many more workers to call, and count them in."""
        n_more = self._n_at_once(self._n_wanted())
        self._n_workers += n_more
        return n_more

    def _n_wanted(self) -> int:
        """Return how many more there could be."""
        return 0 if self._is_inline else max(min(self.run.n_startable, self._workers.n_workers - self._n_workers), 0)

    def _n_at_once(self, n_wanted: int) -> int:
        """Return how many of them to call now."""
        return n_wanted

    def _rest_is_due(self) -> float:
        """Return when the caller has to see to the rest of them."""
        return math.inf

    def _call(self, n_workers: int) -> None:
        """Have some more workers come, which were counted in; then answer who has poked meanwhile."""
        raise NotImplementedError

    def _begin(self) -> Chunk | None:
        """Take a worker's first chunk, and see that others are called if there is more."""
        with self._lock:
            chunk = self._take()
            n_more, wakes = self._n_to_call(), self._wakes()  # a limiter may have said when to ask again
        self._act(n_more, wakes=wakes)
        return chunk

    def _take(self) -> Chunk | None:
        chunk = self.run.take(self.clock.now())
        if chunk is None:
            self._n_workers -= 1
        return chunk

    def _bring_back(self, chunk: Chunk, error: BaseException | None, *, goes_on: bool, leave: Callable[[], object] = lambda: None) -> Chunk | None:
        """Hand in what came of a chunk; return the next for a worker that goes on. Else that leaves, before anybody hears of it."""
        verdict = None if error is None else self._judge(chunk, error)
        if verdict is not None and isinstance(verdict.error, KeyboardInterrupt):  # which a hook has met
            error, verdict = verdict.error, None
        following = None
        with self._lock:
            if isinstance(error, KeyboardInterrupt):
                self.run.stop("cancelled", self.clock.now(), error, abandon=True)
            self.run.end(chunk, self.clock.now(), verdict)
            if goes_on:
                following = self._take()
            n_more, wakes = self._n_to_call(), self._wakes()
        if following is None:
            leave()
        self._act(n_more, wakes=wakes)
        return following

    def _fail(self, error: BaseException) -> None:
        """Give the run up because of an error that is no item's: it is raised where the caller waits."""
        self._failure = error
        self.poke()  # who says so may hold the lock, in a signal handler or a finalizer that shuts the workers' pool down

    def _start(self, chunk: Chunk) -> None:
        """Say that the chunk begins now, to its limiter and to its own function."""
        if self._enter is not None:
            self._enter(chunk)
        toll = chunk.stage.toll
        if toll is None:
            return
        if not chunk.claim():  # the run was stopped in between, or this took too long
            toll.limiter.withdraw(chunk.cost)
            return
        chunk.stamps[0] = self.clock.now()
        toll.limiter.started(chunk.stamps[0], chunk.cost)
        if toll.leader is chunk:  # nobody else makes it that
            self._tell(functools.partial(self.run.has_begun, chunk))

    def _judge(self, chunk: Chunk, error: BaseException) -> Verdict | None:
        """Ask what becomes of an item that failed, unless it was given up before that, be it that nobody has looked at the clock yet."""
        if self.run.is_unwanted(chunk, self.clock.now()):
            self._tell(self.run.due)
        return None if chunk.is_abandoned or isinstance(error, KeyboardInterrupt) else self._asked(chunk, error)

    def _asked(self, chunk: Chunk, error: BaseException) -> Verdict:
        return judge(chunk, error, self.clock.now(), self.run.deadline, self._keys.get(chunk.index))

    def _judge_late(self) -> None:
        """Ask what becomes of the attempts that took too long."""
        while self.run.late:
            try:
                chunk = self.run.late.popleft()
            except IndexError:  # somebody else has it
                return
            self._give_up(chunk)
            verdict = self._asked(chunk, TimedOut("the item took longer than task_timeout"))
            self._tell(functools.partial(self.run.end_late, chunk, verdict))

    def _give_up(self, chunk: Chunk) -> None:
        """Do what can be done about a worker whose item took too long; one that is a thread goes on."""

    def _act(self, n_more: int, *, wakes: bool) -> None:
        """Do what the lock's holder found to be done, now that it is free."""
        if wakes:
            self._caller.wake()
        self._call(n_more)
        if self._caller.is_away and not self._is_inline and not self.run.is_over:
            self._watch.see_to_the_time()
        if self.run.late:
            self._judge_late()

    def _answer(self) -> None:
        """Answer who has poked, unless another thread holds the lock, which will."""
        while self._is_poked and self._lock.acquire(blocking=False):
            try:
                self._is_poked = False
                self._heed()
                n_more, wakes = self._n_to_call(), self._wakes()
            finally:
                self._lock.release()
            try:
                self._act(n_more, wakes=wakes)
            except Exception as error:  # such as that the workers' pool was shut down
                self._fail(error)

    def _heed(self) -> None:
        """Look at all that somebody may have poked for."""
        now = self.clock.now()
        if self._failure is not None:
            self.run.stop("aborted", now, self._failure, abandon=True)
        elif self._token is not None and self._token.is_stopped:
            self.run.stop("cancelled", now, self._token.reason)
        self.run.ask_again(now)
