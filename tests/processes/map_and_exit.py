"""A program that maps and exits at once, in the ways that programs exit."""

import atexit
import sys
import threading

from checks import check_map

import lightwork as lw


def hammer() -> None:
    """Map until the interpreter is gone."""
    while True:
        check_map(50_000)


match sys.argv[1]:
    case "end":
        check_map(200_000)
    case "exit":
        check_map(200_000)
        sys.exit(0)
    case "exit in atexit":
        sys.unraisablehook = print  # Python tells of it, and means no harm
        atexit.register(sys.exit, 0)
        check_map(200_000)
    case "map in atexit":
        atexit.register(check_map, 200_000)
        check_map(200_000)
    case "in a thread":
        threading.Thread(target=check_map, args=(200_000,)).start()
    case "in daemon threads":
        for _ in range(3):
            threading.Thread(target=hammer, daemon=True).start()
        check_map(200_000)
    case "submit":
        lw.Pool(2).submit(check_map, 200_000)
    case unknown:
        raise SystemExit(f"no such way to exit: {unknown}")
