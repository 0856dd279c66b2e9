"""The contract of executors, for ours and for the standard library's, which the suite is true of."""

from concurrent.futures import ThreadPoolExecutor

from contract import Contract

import lightwork as lw


class TestPool(Contract):
    """Ours."""

    make = lw.Pool


class TestThreadPoolExecutor(Contract):
    """The standard library's."""

    make = ThreadPoolExecutor
