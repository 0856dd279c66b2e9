"""What is used of joblib, with the types that it does not carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["FallbackToBackend", "ParallelBackendBase", "register_parallel_backend"]

if TYPE_CHECKING:
    from abc import ABCMeta
    from collections.abc import Callable

    class ParallelBackendBase(metaclass=ABCMeta):
        """What joblib asks of a backend."""

        nesting_level: int | None

        def __init__(self, nesting_level: int | None = None, **options: Any) -> None: ...  # noqa: B027 - there for its types alone

    class FallbackToBackend(Exception):
        """Sends a ``Parallel`` to another backend."""

        def __init__(self, backend: ParallelBackendBase) -> None: ...

    def register_parallel_backend(name: str, factory: Callable[..., ParallelBackendBase], make_default: bool = False) -> None:
        """Give a backend a name."""

else:
    from joblib.parallel import FallbackToBackend, ParallelBackendBase, register_parallel_backend
