"""Run a function over many inputs on every core: arrays with NumPy's bits, nothing to tune.

``_core`` is compiled and knows nothing of Python's futures or policies; ``arrays`` and ``tasks`` stand on it; this module re-exports what
users meet. Imports point down only, from here to ``arrays`` and ``tasks`` to ``_core`` to the leaves ``_config``, ``_cpus`` and ``_errors``.
"""

from lightwork.arrays import chunked_map as chunked_map
