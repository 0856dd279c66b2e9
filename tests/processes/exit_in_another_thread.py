"""The interpreter is started by one thread and ended by another, as in programs that embed it, in which Python's main thread is any."""

import _thread
import sys

is_over = _thread.allocate_lock()
is_over.acquire()


def main() -> None:
    """Import everything, use it, and end the interpreter with calls under way."""
    import ctypes  # noqa: PLC0415 - whoever imports threading is its main thread
    import threading  # noqa: PLC0415

    from checks import check_map  # noqa: PLC0415

    import lightwork as lw  # noqa: PLC0415

    assert threading.current_thread() is threading.main_thread()
    check_map()
    pool = lw.Pool(2)
    assert list(lw.parallel_map(abs, [-1, -2], workers=2, retry=lw.Retry())) == [1, 2]
    stream = lw.parallel_iter(abs, range(100))
    assert next(stream).ok
    for number in range(5):
        pool.submit(print, number, flush=True).result()
    lw.submit(check_map).add_done_callback(lambda _: print("done", flush=True))
    ctypes.pythonapi.Py_Exit(7)


sys.path.insert(0, __file__.rpartition("/")[0])
_thread.start_new_thread(main, ())
is_over.acquire()
