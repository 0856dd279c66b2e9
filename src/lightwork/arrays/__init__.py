"""Functions over whole arrays, in chunks on every core."""

from lightwork.arrays.combination import map_reduce as map_reduce
from lightwork.arrays.fuse import fuse as fuse
from lightwork.arrays.map import chunked_map as chunked_map
from lightwork.arrays.reducing import minmax as minmax
from lightwork.arrays.reducing import reduce as reduce
from lightwork.arrays.scans import accumulate as accumulate
from lightwork.processes.shared_array import shared_empty as shared_empty
