"""
The standard library, hashed and compressed file by file: by a loop, and by threads that outlive the file which cannot be read.

    python examples/archive.py
    python examples/archive.py ~/Documents

Hashing and compressing release the GIL, so threads share the work. One of the paths is that of a file which is gone by the time
it is read, as happens to backups; its failure is one line of the report, and nothing else comes to harm.
"""

import argparse
import hashlib
import sysconfig
import traceback
import zlib
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from side_by_side import medians

import lightwork as lw

GONE = "gone.tmp"
NOT_OURS = {"__pycache__", "site-packages"}  # made from the other files, or by others


class Packed(NamedTuple):
    """A file in the archive."""

    digest: str
    n_bytes: int
    content: bytes


def pack(path: Path) -> Packed:
    """Read a file, and return its checksum and its content, compressed."""
    content = path.read_bytes()
    return Packed(hashlib.sha256(content).hexdigest(), len(content), zlib.compress(content))


def files_below(folder: Path) -> list[Path]:
    """Return all files by name, and in the middle of them one that was there a moment ago."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not NOT_OURS & set(path.parts))
    found.insert(len(found) // 2, folder / GONE)
    return found


def by_loop(paths: list[Path]) -> list[Packed | BaseException]:
    """Pack one after the other."""
    outcomes: list[Packed | BaseException] = []
    for path in paths:
        try:
            outcomes.append(pack(path))
        except OSError as error:
            outcomes.append(error)
    return outcomes


def by_threads(paths: list[Path], *, progress: bool = False) -> lw.ParallelResult[Packed]:
    """Pack many at a time."""
    return lw.parallel_map(pack, paths, item_key=attrgetter("name"), progress=progress)


def check(result: lw.ParallelResult[Packed], expected: list[Packed | BaseException]) -> None:
    """Stop unless the same files were packed into the same bytes, and the others failed in the same way."""
    if result.successes() != [(i, packed) for i, packed in enumerate(expected) if isinstance(packed, Packed)]:
        raise AssertionError("the archives differ")
    if [(i, repr(error)) for i, error in result.failures()] != [(i, repr(error)) for i, error in enumerate(expected) if isinstance(error, OSError)]:
        raise AssertionError("the failures differ")


def main() -> None:
    """Pack, compare, report."""
    parser = argparse.ArgumentParser(description="checksums and compressed content of every file of a tree")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(sysconfig.get_path("stdlib")), help="(default: %(default)s)")
    paths = files_below(parser.parse_args().folder)
    expected = by_loop(paths)
    result = by_threads(paths, progress=True)
    check(result, expected)
    packed = result.ok_values()
    n_bytes, n_compressed = sum(file.n_bytes for file in packed), sum(len(file.content) for file in packed)
    print(f"{len(packed)} files, {n_bytes / 1e6:.1f} MB, compressed to {n_compressed / n_bytes:.0%}")
    loop, threads = medians(lambda: by_loop(paths), lambda: by_threads(paths))
    print(f"loop {loop:.2f} s, lightwork {threads:.2f} s, ratio {loop / threads:.2f}, results equal")
    print(f"{len(result.failures())} of {len(paths)} could not be packed:")
    for _, error in result.failures():
        print("  " + "  ".join(traceback.format_exception_only(error)), end="")


if __name__ == "__main__":
    main()
