"""Ctrl-C at a place of one's choice."""

import threading
from typing import Any

import pytest

from lightwork.executors.process.company import Company
from lightwork.executors.process.worker import Worker


def interrupt_once(monkeypatch: pytest.MonkeyPatch, *, has_gone: bool) -> None:
    """Have Ctrl-C come when this thread hands a worker something, just after it has gone or just before."""
    hand_out = Company.hand_out
    seen: list[Worker] = []

    def hand_out_interrupted(self: Company, worker: Worker, *args: Any) -> None:
        comes = not seen and threading.current_thread() is threading.main_thread()
        if has_gone or not comes:
            hand_out(self, worker, *args)
        if comes:
            seen.append(worker)
            raise KeyboardInterrupt

    monkeypatch.setattr(Company, "hand_out", hand_out_interrupted)
