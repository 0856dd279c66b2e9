"""Garbage that is really collected."""

import gc
import threading
import time


def collect() -> None:
    """Collect all garbage, after the collection that another thread may be in: in the meantime `gc.collect` does nothing."""
    me = threading.get_ident()
    ended: list[str] = []

    def note(phase: str, _: object) -> None:
        if phase == "stop" and threading.get_ident() == me:
            ended.append(phase)

    gc.callbacks.append(note)
    try:
        gc.collect()
        while not ended:
            time.sleep(0.001)
            gc.collect()
    finally:
        gc.callbacks.remove(note)
