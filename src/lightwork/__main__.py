"""The commands of ``python -m lightwork``. Each lives in a module of its own, which is imported when it is wanted."""

import importlib
import os
import sys

COMMANDS = {
    "demo": "the same work by NumPy and by lightwork, compared to the bit and timed side by side",
    "doctor": "what lightwork sees of this machine, and what it chose",
}


def usage() -> str:
    """Return how to call this, with a line for each command."""
    lines = [f"  {name:<8} {purpose}" for name, purpose in COMMANDS.items()]
    return "\n".join(["usage: python -m lightwork COMMAND [OPTION ...]", "", *lines])


def main(argv: list[str]) -> int:
    """Run the command that `argv` begins with, and return its exit status; 2 if there is no such command."""
    if not argv or argv[0] in {"-h", "--help"}:
        print(usage())
        return 0
    name, *options = argv
    if name not in COMMANDS:
        print(f"There is no command {name!r}; choose one of these.\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        status: int = importlib.import_module(f"lightwork._{name}").main(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still to be flushed at exit
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
