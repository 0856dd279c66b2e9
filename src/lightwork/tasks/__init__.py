"""Calls handed to a pool one by one, and what became of them."""

from lightwork.tasks.handle import Handle as Handle
from lightwork.tasks.pool import Pool as Pool
