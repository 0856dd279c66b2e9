from collections.abc import Callable, MutableSequence
from typing import Any

def run_chunk(call: Callable[[Any], object], queue: Any, values: list[Any], stamps: MutableSequence[float]) -> BaseException | None: ...
