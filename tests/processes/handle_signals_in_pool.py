"""A signal handler that comes in the middle of submits shuts the pool down; those that were taken are finished."""

import signal

import lightwork as lw

taken: list[lw.Handle[int]] = []

for attempt in range(30):
    pool = lw.Pool(2)
    signal.signal(signal.SIGALRM, lambda *_, pool=pool: pool.shutdown())
    signal.setitimer(signal.ITIMER_REAL, 0.0005 * (1 + attempt % 5))
    try:
        while True:
            taken.append(pool.submit(int, "7"))
    except RuntimeError as error:
        assert "cannot schedule new futures after shutdown" in str(error), error
    assert all(handle.result(30) == 7 for handle in taken)
    taken.clear()
