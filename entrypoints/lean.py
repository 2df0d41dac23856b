"""The server's worker processes, without what the server has no use for."""

import sys
from importlib import import_module
from typing import Any


def import_structlog_alone() -> None:
    """Import structlog without rich, which it brings along for tracebacks that are not printed here.

    That is four megabytes of each process and a tenth of its start. Whoever wants rich can import it afterwards.
    """
    if "rich" in sys.modules or "structlog" in sys.modules:
        return
    # What stands there as None cannot be imported; structlog does without, then.
    sys.modules["rich"] = None  # type: ignore[assignment] # as the import system has it
    try:
        import_module("structlog")
    finally:
        del sys.modules["rich"]


def __getattr__(name: str) -> Any:
    """`app`, made when uvicorn asks a worker process for it."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_structlog_alone()
    return import_module("entrypoints.api").app
