"""Workers that are held in calls."""

import threading

import lightwork as lw

SECONDS = 30


class Held:
    """Holds all workers of a pool in calls until it is released."""

    def __init__(self, pool: lw.Pool, n_workers: int) -> None:
        barrier, self._release = threading.Barrier(n_workers + 1), threading.Event()

        def hold() -> None:
            barrier.wait(SECONDS)
            self._release.wait(SECONDS)

        self.handles = [pool.submit(hold) for _ in range(n_workers)]
        barrier.wait(SECONDS)

    def release(self) -> None:
        """Let the workers go on, and wait until they have ended these calls."""
        self._release.set()
        lw.gather(self.handles)
