"""Where code in C lets the interpreter do what it does between two bytecodes."""

__all__ = ["pause"]


def pause() -> None:
    """
    Do nothing, in bytecode: so signal handlers are run, and another thread that has waited its time gets the GIL.

    To let go of the GIL and take it back at once would not do: a thread that waits is woken by it, finds it taken, and begins to wait anew.
    """
