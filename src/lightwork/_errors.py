"""The exceptions of our own, each with the sentence that a user needs."""

from typing import Self

__all__ = ["Aborted", "Cancelled", "FuseError", "LightworkError", "Refused", "RemoteError", "RemoteTraceback", "Stopped", "TimedOut", "WorkerLost"]


class LightworkError(Exception):
    """What every exception of this package that NumPy or Python has no name for derives from."""


class Stopped(LightworkError):
    """A nested parallel call was given up because the call around it failed or was interrupted; that one tells why."""


class Aborted(LightworkError):
    """A run over items gave up before it came to this one, because too many others had failed or its source had."""


class Cancelled(LightworkError):
    """A run over items was told to stop before it came to this one, or an item found that nobody wants its result."""


class TimedOut(LightworkError, TimeoutError):
    """A run over items, or one item, took longer than it was given; it is a ``TimeoutError``, too."""


class Refused(LightworkError):
    """
    The last attempt returned what ``retry_result`` refuses; ask for ``fallback`` to get a value all the same.

    Attributes
    ----------
    value : object
        What it returned.
    """

    value: object = None

    @classmethod
    def of(cls, value: object, reason: str) -> Self:
        """Return the error of a value, and of why there is no other."""
        error = cls(f"retry_result refuses the value that was returned, and {reason}")
        error.value = value
        return error


class WorkerLost(LightworkError):
    """
    The process that ran an item, or a call, died of it: killed, crashed, or out by ``os._exit``.

    Attributes
    ----------
    pid : int or None
        Of the process.
    exit_code : int or None
        What it ended with, as the standard library tells it: the negative number of a signal.
    signal : str or None
        The signal's name, where one ended it.
    stderr : str
        The end of what it wrote to its standard error, such as the traceback of a crash.
    is_poisonous : bool
        Whether the same item ended a process before, so that it is not tried again.
    """

    pid: int | None = None
    exit_code: int | None = None
    signal: str | None = None
    stderr: str = ""
    is_poisonous: bool = False

    @classmethod
    def of(cls, subject: str, pid: int | None, exit_code: int | None, signal: str | None, stderr: str) -> Self:
        """Return the error of a process that died, and of what it was doing."""
        how = f"was ended by {signal}" if signal else f"ended with exit code {exit_code}"
        tail = f"; it wrote at last:\n{stderr}" if stderr else ""
        error = cls(f"the worker process {pid} {how} {subject}{tail}")
        error.pid, error.exit_code, error.signal, error.stderr = pid, exit_code, signal, stderr
        return error

    def as_poisonous(self) -> Self:
        """Say that this item does that to every process."""
        self.is_poisonous = True
        super().__init__(f"{self}\nThis item has ended a process before: it is poisonous, and is not tried again")
        return self


class RemoteError(LightworkError):
    """
    Stands for an exception of a worker process that cannot be pickled and loaded again; its traceback is the cause.

    Attributes
    ----------
    type_name : str
        Of which type that was, with its module.
    """

    type_name: str = ""

    @classmethod
    def of(cls, type_name: str, text: str) -> Self:
        """Return what stands for an exception of that type and text."""
        error = cls(f"{type_name}: {text}")
        error.type_name = type_name
        return error


class RemoteTraceback(LightworkError):
    """The traceback of an exception in the worker process where it was raised, as text; it is that exception's cause here."""

    def __str__(self) -> str:
        return "\n" + "".join(map(str, self.args))


class FuseError(LightworkError, TypeError):
    """A fused function does something that cannot be done before its arrays' items are known; the message says where, and what to do instead."""
