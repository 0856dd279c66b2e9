"""A program that says when it is about to exit, with idle workers."""

import time

from checks import check_map

import lightwork as lw

check_map(workers=4)
assert lw.Pool(3).submit(int).result() == 0
print(time.monotonic())
