"""Lines for a shell."""

import shlex


def quoted(text: str) -> str:
    """One word of a command line."""
    return shlex.quote(text)


def assignment(name: str, value: str) -> str:
    """A line that sets an environment variable for this shell and what it starts."""
    return f"export {name}={quoted(value)}"
