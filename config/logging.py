"""structlog: one line for each event, with secrets masked."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, cast

import structlog
from structlog.typing import Processor

from domain.redaction import MASK, names_a_secret, redact_text


def redact(value: object) -> object:
    """The same value with every secret in it masked: by the name it stands under, or by its look."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value)
        return {
            key: MASK if isinstance(key, str) and names_a_secret(key) else redact(item) for key, item in items.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in cast("list[object]", value)]
    return value


def _ordered(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """What a reader looks for first comes first; uvicorn's second copy of its message goes."""
    first = {key: event.pop(key) for key in ("timestamp", "level", "logger", "event") if key in event}
    event.pop("color_message", None)
    return {**first, **event}


def _redacted(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", redact(event))


def configure_logging(level: str, log_format: Literal["auto", "console", "json"]) -> None:
    """Send structlog's and the standard library's records to standard error, in one form and redacted.

    `auto` is `console` on a terminal and `json` elsewhere.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _ordered, _redacted, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their INFO and DEBUG tell of every connection and step, and httpcore's of every header.
    for noisy in ("httpcore", "httpx", "urllib3", "asyncio", "filelock", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
