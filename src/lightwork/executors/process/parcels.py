"""What travels to worker processes and back, as bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import re
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from lightwork._errors import RemoteError, RemoteTraceback
from lightwork.processes.pickling import PROTOCOL, pickling

__all__ = ["Failure", "Packed", "Parcel", "dumps", "goes_by_value", "loads", "pack", "pack_error", "unpack"]

DIGEST_SIZE = 16
PLAIN = frozenset({int, float, complex, str, bytes, bool, type(None)})  # what can neither fail to be pickled nor to be loaded

loads: Callable[..., Any] = pickle.loads


def dumps(obj: object) -> bytes:
    """Return the pickle of an object; of functions and classes that cannot be found by name too, with cloudpickle."""
    data: bytes = pickling().dumps(obj, protocol=PROTOCOL)
    return data


def goes_by_value() -> bool:
    """Whether a function that is not to be found by its name can travel."""
    return pickling() is not pickle


class Parcel(NamedTuple):
    """
    A pickle, and by what a worker knows that it has it already.

    Attributes
    ----------
    digest : bytes
    data : bytes
    is_passing : bool
        Whether it is only good while the call lasts: some of its arrays lie beside it.
    """

    digest: bytes
    data: bytes
    is_passing: bool = False

    @classmethod
    def of(cls, obj: object) -> Parcel:
        """Return an object's parcel."""
        return cls.with_data(dumps(obj))

    @classmethod
    def with_data(cls, data: bytes, *, is_passing: bool = False) -> Parcel:
        """Return the parcel of a pickle. What lies beside one may be different next time, so no other is the same."""
        return cls(os.urandom(DIGEST_SIZE) if is_passing else hashlib.blake2b(data, digest_size=DIGEST_SIZE).digest(), data, is_passing)


class Packed(bytes):
    """The pickle of one value among others that travel as they are."""

    __slots__ = ()


def pack(value: Any) -> Any:
    """Return what a value travels as; an error of its pickling comes up here, where it is one value's alone."""
    return value if type(value) in PLAIN else Packed(dumps(value))


def unpack(packed: Any) -> Any:
    """Return the value."""
    return loads(packed) if type(packed) is Packed else packed


class Failure(NamedTuple):
    """
    An exception on its way.

    Attributes
    ----------
    data : bytes or None
        Its pickle, if that can be loaded.
    type_name, text : str
        What it is and says, for where there is none.
    trace : str
        Its traceback.
    """

    data: bytes | None
    type_name: str
    text: str
    trace: str

    def error(self) -> BaseException:
        """Return the exception, or what stands for it, with its traceback as the cause."""
        trace = RemoteTraceback(self.trace)
        if self.data is not None:
            with contextlib.suppress(BaseException):  # a module that is there and not here, or an exception whose attributes cannot be set
                error: BaseException = loads(self.data)
                error.__cause__ = trace
                return error
        substitute = RemoteError.of(self.type_name, self.text)
        substitute.__cause__ = trace
        return substitute


def pack_error(error: BaseException) -> Failure:
    """Return what an exception travels as."""
    kind = type(error)
    return Failure(_pickle_of(error), f"{kind.__module__}.{kind.__qualname__}", _text_of(error), _trace_of(error))


def _pickle_of(error: BaseException) -> bytes | None:
    """Return an exception's pickle if what comes of it is the same."""
    try:
        data = dumps(error)
        again = loads(data)
        return data if type(again) is type(error) and _says(again) == _says(error) else None
    except Exception:
        return None


def _says(error: BaseException) -> str:
    """Return what an exception says, but for addresses of objects, which are copies on the way."""
    return re.sub("0x[0-9a-fA-F]+", "0x", str(error))


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "<its message cannot be told>"


def _trace_of(error: BaseException) -> str:
    """Return the traceback from the function that was called on."""
    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__ and error.__traceback__.tb_next))
    except Exception:
        return "<its traceback cannot be told>\n"
