"""A namespace in which every call of a ufunc is shared, however small: three workers, chunks of two items."""

from typing import Any

import numpy as np
from lightwork.arrays.ufunc import on_every_core

import lightwork as lw


class Shared:
    """A ufunc whose plain calls are cut into chunks; all else is its twin's."""

    def __init__(self, ufunc: np.ufunc) -> None:
        self._ufunc = ufunc
        self._twin = on_every_core(ufunc)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Share what ``chunked_map`` has words for."""
        out = kwargs.get("out")
        fits = len(out) == self._ufunc.nout if isinstance(out, tuple) else self._ufunc.nout == 1 or "out" not in kwargs
        if len(args) == self._ufunc.nin and kwargs.keys() <= {"out", "dtype"} and fits:
            return lw.chunked_map(self._ufunc, *args, chunk_size=2, workers=3, **kwargs)
        return self._twin(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Return what the twin has."""
        return getattr(self._twin, name)

    def __eq__(self, other: object) -> bool:
        """Be equal to the ufunc, too."""
        return bool(self._twin == (other._twin if isinstance(other, Shared) else other))

    def __hash__(self) -> int:
        """Be found where the ufunc is."""
        return hash(self._twin)


globals().update({name: Shared(value) for name, value in vars(np).items() if isinstance(value, np.ufunc) and value.signature is None})


def __getattr__(name: str) -> Any:
    return getattr(np, name)
