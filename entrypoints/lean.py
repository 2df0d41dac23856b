"""The server's processes, without what the server has no use for."""

import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

# Libraries that the server's own bring along where they are installed, for what is not asked of them here: pretty
# tracebacks, threads of another kind, files of settings, reloading, another JSON, forms.
_OPTIONAL = ("rich", "greenlet", "yaml", "watchfiles", "orjson", "python_multipart", "multipart")
_HEAVY = ("structlog", "dependency_injector.containers", "fastapi", "uvicorn")
# requests asks it how a text of unknown encoding is to be read, and the server reads bytes. It stays hidden, since
# requests is imported with the first token request.
_GUESSES = "charset_normalizer"


def import_leanly() -> None:
    """Import what takes most of a server, without what is optional there.

    That is eight megabytes of each process and a tenth of its start. What is loaded already is left alone; whoever
    wants a library of these can import it afterwards.
    """
    with _hidden(*_OPTIONAL):
        for name in _HEAVY:
            # A version that cannot do without is imported with all it wants, when its turn comes.
            with suppress(ImportError):
                import_module(name)
    if _GUESSES not in sys.modules:
        sys.modules[_GUESSES] = None  # type: ignore[assignment] # as the import system has it
        warnings.filterwarnings("ignore", message="Unable to find acceptable character detection")


@contextmanager
def _hidden(*names: str) -> Generator[None, None, None]:
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        # What stands there as None cannot be imported; those who can do without, do.
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def __getattr__(name: str) -> Any:
    """`app`, made when uvicorn asks a worker process for it."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_leanly()
    return import_module("entrypoints.api").app
