"""Which requests the fast path takes."""

from collections.abc import Callable

import structlog
from starlette.types import Scope

from adapters.http_api.fast_path.caller_wire import CallerWire, Ledger
from adapters.http_api.fast_path.passage import Passage
from adapters.http_api.fields import Fields
from adapters.http_api.guard import Gate
from adapters.http_api.metrics import Metrics
from adapters.http_api.operations import OPERATIONS, relayed_request
from adapters.http_api.options import ServerOptions
from adapters.http_api.request_log import NAMED, begin
from domain.errors import OCAError
from ports.gateway import AsyncChatGateway

_JSON = b"application/json"
# The upstream takes a larger body in several turns, and those are waited for on the other road.
_LARGE_BYTES = 256 * 1024
_PATHS = {path.encode(): path for path in OPERATIONS}
# A request with one of these is not plain: a browser's, one whose body is not simply there, or that wants more.
_UNUSUAL = frozenset(
    {b"origin", b"sec-fetch-site", b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"trailer", b"te"}
)


class FastPath:
    """Takes plain requests, or leaves them. For one event loop."""

    def __init__(
        self,
        gateway: AsyncChatGateway,
        options: ServerOptions,
        *,
        gate: Gate,
        metrics: Metrics,
        write: Callable[..., None] | None = None,
    ) -> None:
        """`write` takes an event and its values, as a logger's `info` does."""
        self._gateway = gateway
        self._options = options
        self._gate = gate
        self._ledger = Ledger(metrics=metrics, write=write or structlog.stdlib.get_logger("oca.http").info)
        self._largest_bytes = min(_LARGE_BYTES, options.max_body_bytes)
        self._keep_alive_s = options.keep_alive.total_seconds()

    def admits(self, scope: Scope, url: bytes) -> bool:
        """Whether a POST with this head is one to take. Then its address is noted in its scope, as ASGI wants it."""
        path, _, query = url.partition(b"?")
        known = _PATHS.get(path)
        if known is None:
            return False
        scope["method"] = "POST"
        scope["path"] = known
        scope["raw_path"] = path
        scope["query_string"] = query
        fields = Fields.of(scope)
        length = fields.raw(b"content-length") or b""
        return (
            fields.raw(b"content-type") == _JSON
            and length.isdigit()
            and int(length[:20]) <= self._largest_bytes
            and not fields.any_of(_UNUSUAL)
            and self._gate.refusal(scope) is None
        )

    def begin(self, scope: Scope, body: bytes, wire: CallerWire) -> Passage | None:
        """Ask the upstream for the answer to a request that was admitted. None when that is not for the fast path."""
        begin(scope)
        named = NAMED.set(scope["state"]["request_id"])
        try:
            request = relayed_request(scope, body, default_model=self._options.default_model)
            answer = self._gateway.ask_at_once(request.relay)
        except OCAError:
            return None  # it will be told on the other road
        finally:
            NAMED.reset(named)
        if answer is None:
            return None
        return Passage(
            scope,
            request,
            answer,
            wire=wire,
            ledger=self._ledger,
            keep_alive_s=self._keep_alive_s if request.streamed else 0.0,
            language=self._options.language,
        )
