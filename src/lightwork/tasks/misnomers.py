"""An option that there is not: what is said of it, and which was meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable

__all__ = ["check_names"]

# What other libraries call the same thing.
ELSEWHERE = {
    "n_jobs": "workers",
    "max_workers": "workers",
    "num_workers": "workers",
    "num_threads": "workers",
    "concurrency": "workers",
    "processes": "workers",
    "backend": "executor",
    "pool": "executor",
    "use_processes": "executor",
    "sequential": "executor",
    "prefer": "executor",
    "chunksize": "chunk_size",
    "window_size": "window",
    "buffersize": "window",
    "pre_dispatch": "window",
    "max_tasks_active": "window",
    "on_error": "errors",
    "retries": "retry",
    "progress_bar": "progress",
    "callback": "on_result",
    "seed": "rng",
    "random_state": "rng",
}


def check_names(called: str, given: Iterable[str], options: Collection[str]) -> None:
    """Refuse an option that is not one of those that a function takes, and say which was meant."""
    for name in given:
        if name not in options:
            meant = _meant(name, options)
            advice = "; it has" if meant is None else f"; did you mean {meant!r}? It has"
            raise TypeError(f"{called}() has no option {name!r}{advice} {', '.join(options)}")


def _meant(name: str, options: Collection[str]) -> str | None:
    import difflib  # noqa: PLC0415 - only who errs waits for its import

    near = [ELSEWHERE[name]] if name in ELSEWHERE else difflib.get_close_matches(name, options, n=1)
    return near[0] if near and near[0] in options else None
