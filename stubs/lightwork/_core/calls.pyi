from collections.abc import Callable

def run_calls(
    call: Callable[[int, int], object], n_items: int, grain: int, n_workers: int
) -> tuple[int, int, BaseException] | None: ...
