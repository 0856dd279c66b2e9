"""A program that submits and exits: what was submitted is done first, in order, pools that nobody holds included."""

import time

import lightwork as lw


def report(number: int) -> None:
    """Take long enough that the program has come to its end."""
    time.sleep(0.02)
    print(number, flush=True)


pool = lw.Pool(1)
for number in range(10):
    pool.submit(report, number)
del pool
