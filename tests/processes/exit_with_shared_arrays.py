"""A program that ends with arrays in shared memory, in files that have names. Takes their directory."""

import sys
from pathlib import Path

import lightwork as lw
from lightwork.processes import files

files.OPEN_FILES = Path("/nowhere")  # as on systems that show no open files
lw.configure(shared_memory=sys.argv[1])
array = lw.shared_empty(1000)
assert len([*Path(sys.argv[1]).iterdir()]) == 1
