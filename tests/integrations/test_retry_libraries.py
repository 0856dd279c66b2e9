"""Functions that tenacity or stamina have decorated, as functions over items."""

import sysconfig
from collections.abc import Callable
from typing import Any

import pytest

import lightwork as lw


def by_tenacity(fn: Callable[[int], int]) -> Callable[[int], int]:
    """Let tenacity make three attempts."""
    tenacity = pytest.importorskip("tenacity")
    decorated: Callable[[int], int] = tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_none(), reraise=True)(fn)
    return decorated


def by_stamina(fn: Callable[[int], int]) -> Callable[[int], int]:
    """Let stamina make three attempts."""
    stamina = pytest.importorskip("stamina")
    decorated: Callable[[int], int] = stamina.retry(on=ConnectionError, attempts=3, wait_initial=0.0, wait_jitter=0.0)(fn)
    return decorated


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 4}, {"retry": lw.Retry(2, backoff=0.0), "workers": 2}], ids=str)
@pytest.mark.parametrize("decorate", [by_tenacity, by_stamina])
def test_a_function_that_repeats_itself_is_one_function(decorate: Callable[..., Callable[[int], int]], options: dict[str, Any]) -> None:
    """Its attempts are its own, those of a policy come on top, and what it raises in the end is its item's failure."""
    calls: list[int] = []
    if decorate is by_tenacity and sysconfig.get_config_var("Py_GIL_DISABLED"):
        options = {**options, "workers": 1}  # without a GIL calls of one function at a time break each other's count of attempts, which they share

    def work(item: int) -> int:
        calls.append(item)
        if item == 5 or (item == 3 and calls.count(3) < 3):
            raise ConnectionError(item)
        return -item

    result = lw.parallel_map(decorate(work), range(8), **options)
    assert result.successes() == [(item, -item) for item in range(8) if item != 5]
    assert [(index, type(error)) for index, error in result.failures()] == [(5, ConnectionError)]
    assert (calls.count(3), calls.count(5)) == (3, 3 * (2 if "retry" in options else 1))
