"""The parent maps, forks, and maps on; the child maps too."""

import os

from checks import check_child, check_map, live

import lightwork as lw

pool = lw.Pool(2)
assert pool.submit(int).result() == 0
check_map()
for _ in range(5):
    child = os.fork()
    live(child)
    check_child(child)
    check_map()

child = os.fork()
if not child:  # pools of one's own begin anew, too, and a child may end like any program
    assert lw.statistics().chunks == 0
    assert pool.submit(int, "7").result(10) == 7
    raise SystemExit
check_child(child)
assert pool.submit(int).result(10) == 0
