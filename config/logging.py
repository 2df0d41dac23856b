"""structlog: one line for each event, with secrets masked."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, cast

import msgspec
import structlog
from structlog.contextvars import merge_contextvars
from structlog.processors import format_exc_info

from domain.redaction import MASK, may_hold_secret, names_a_secret, redact_text

_STAMP = structlog.processors.TimeStamper(fmt="iso", utc=True)
_JSON = msgspec.json.Encoder(enc_hook=repr)
# Ours: they hold no secret.
_FIRST = ("timestamp", "level", "logger")
_names_a_secret = lru_cache(1024)(names_a_secret)


def redact(value: object) -> object:
    """The same value with every secret in it masked: by the name it stands under, or by its look."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, bytes):
        return redact(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value)
        return {
            key: MASK if isinstance(key, str) and _names_a_secret(key) else redact(item) for key, item in items.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in cast("list[object]", value)]
    return value


def _tidied(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What a reader looks for first comes first; secrets and uvicorn's second copy of its message go."""
    tidy: dict[str, Any] = {key: event[key] for key in _FIRST if key in event}
    tidy["event"] = redact(event.get("event"))
    for key, value in event.items():
        if key not in tidy and key != "color_message":
            tidy[key] = MASK if _names_a_secret(key) else redact(value)
    return tidy


class _StreamLogger:
    """Writes finished lines to standard error. structlog finds the method by the name of the line's level."""

    def __init__(self, name: str = "oca") -> None:
        self.name = name

    def info(self, line: str) -> None:
        # In one call, so that the lines of several threads and processes do not mix; what standard error is is asked
        # each time, since it may be replaced.
        sys.stderr.write(line)
        sys.stderr.flush()

    debug = warning = error = critical = exception = info


Render = Callable[[object, str, MutableMapping[str, Any]], str]


class _Line:
    """All steps from an event to its line, in one.

    A line is written for each request, and as a chain of processors into the standard library's logger, handler and
    formatter it costs more than the request. A library's own logger (`structlog.wrap_logger`) still goes that way.
    """

    def __init__(self, render: Render, *, as_json: bool) -> None:
        self._render = render
        self.as_json = as_json

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        merge_contextvars(logger, method, event)
        if "exc_info" in event:
            event = format_exc_info(logger, method, event)
        event["level"] = "error" if method == "exception" else method
        event["logger"] = logger.name
        _STAMP(logger, method, event)
        if isinstance(logger, logging.Logger):
            return structlog.stdlib.ProcessorFormatter.wrap_for_formatter(logger, method, event)
        return f"{self._render(logger, method, _tidied(logger, method, event))}\n"


def line_writer(name: str) -> Callable[..., None]:
    """What `info` of the logger of that name is, made once and in one step: for the line that comes with each request.

    To be called after `configure_logging`. It knows nothing of context variables and of exceptions. On an event loop,
    the lines of one round are written together at its end: one call of the operating system for all of them.
    """
    usual = structlog.stdlib.get_logger(name).bind()
    rendering = structlog.get_config()["processors"][-1]
    if not isinstance(rendering, _Line) or not rendering.as_json or not usual.is_enabled_for(logging.INFO):
        info: Callable[..., None] = usual.info
        return info

    waiting: list[tuple[datetime, str, dict[str, object]]] = []

    def flush() -> None:
        lines = [_quick_line(name, *each) for each in waiting]
        waiting.clear()
        sys.stderr.write("".join(lines))
        sys.stderr.flush()

    def write(event: str, **values: object) -> None:
        waiting.append((datetime.now(UTC), event, values))  # noqa: TID251 - a line's time is for people only
        if len(waiting) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(flush)
        except RuntimeError:
            flush()

    return write


def _quick_line(name: str, at: datetime, event: str, values: Mapping[str, object]) -> str:
    # The time as `_STAMP` writes it.
    stamp = f"{at.isoformat(timespec='microseconds')[:-6]}Z"
    line: dict[str, object] = {"timestamp": stamp, "level": "info", "logger": name, "event": event}
    for key, value in values.items():
        line[key] = MASK if _names_a_secret(key) else value
    text = _as_json(None, "info", line)
    if not text.isascii() or may_hold_secret(text):
        text = _as_json(None, "info", {key: redact(value) for key, value in line.items()})
    return f"{text}\n"


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    try:
        return _JSON.encode(event).decode()
    except (ValueError, TypeError, OverflowError):
        # Half a surrogate pair, a number without end: rare, and no reason to lose a line.
        return json.dumps(event, default=repr)


def configure_logging(level: str, log_format: Literal["auto", "console", "json"]) -> None:
    """Send structlog's and the standard library's records to standard error, in one form and redacted.

    `auto` is `console` on a terminal and `json` elsewhere.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    renderer: Render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if console else _as_json
    structlog.configure(
        processors=[_Line(renderer, as_json=not console)],
        logger_factory=_StreamLogger,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.processors.add_log_level,
                _STAMP,
                structlog.stdlib.PositionalArgumentsFormatter(),
                format_exc_info,
                structlog.stdlib.ExtraAdder(),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _tidied, renderer],
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
