"""The use cases towards the model's server: open an authorized stream, fetch the model list.

A flow ends when the stream is open. From then on nothing is repeated: bytes may have been handed out.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from domain.advice import UPSTREAM_ADDRESS, next_step
from domain.concealing import concealed, without_token
from domain.effects import (
    AwaitHead,
    CloseStream,
    Flow,
    LoadTokens,
    OpenedStream,
    OpenStream,
    ReadBody,
    ReadClock,
    ReadRejection,
    ReadRoutes,
    RememberRejection,
    RememberRoute,
    RouteKnown,
    Send,
)
from domain.errors import (
    CertificateError,
    NotConnectedError,
    ResponseTimeoutError,
    ResponseTooLargeError,
    StreamInterruptedError,
    TransportError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRejectedTokenError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.flows import AtHand, Credential, access_token_flow, fresh_token
from domain.http import Headers, HttpRequest, HttpResponse, Route, Timeouts
from domain.model_names import means_unknown_model
from domain.routes import combined, over_routes_flow
from domain.words import Text

MAX_ERROR_BYTES = 1024 * 1024
MAX_MODEL_LIST_BYTES = 16 * 1024 * 1024
UNAUTHORIZED = 401
NOT_FOUND = 404
PAUSE_AFTER_REJECTION = timedelta(seconds=30)
WRONG_ADDRESS = Text(
    "There is nothing at this address of the upstream: check LLM_API_URL, the host and the whole path.",
    "上游的该地址上没有任何内容：请检查 LLM_API_URL 的主机和完整路径。",
)
WRONG_LIST_ADDRESS = Text(
    "There is nothing at this address of the upstream: check LLM_MODELS_API_URL.",
    "上游的该地址上没有任何内容：请检查 LLM_MODELS_API_URL。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The model's server. `quick` limits the model list, `inference` the waits for an answer."""

    chat_url: str
    models_url: str | None
    quick: Timeouts
    inference: Timeouts


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedStream:
    """An opened answer, and the access token that opened it, which must not come back with it."""

    stream: OpenedStream
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that has been sent already, over this route and with this token; its answer may not have begun."""

    stream: OpenedStream
    access_token: str = field(repr=False)
    route: Route


def authorized_stream_flow(
    credential: Credential,
    upstream: Upstream,
    request: HttpRequest,
    *,
    at_hand: AtHand | None = None,
    asked: Asked | None = None,
) -> Flow[AuthorizedStream]:
    """Send an inference request with a token and return its answer, opened; its status is 2xx.

    A 401 renews the token and repeats the request once: not a byte has been handed out by then. Where that did not
    help a moment ago, it is not tried again at once: each time costs the authorization server a rotation. Raises
    TokenError, UpstreamError.
    """
    if asked is None:
        held = None if at_hand is None else fresh_token(credential, at_hand)
        token = held if held is not None else (yield from access_token_flow(credential))
        known = None if at_hand is None else at_hand.route
        route = known if known is not None else (yield from _inference_route_flow(upstream))
        stream = yield from _open(request, token, route, upstream)
    else:
        token, route = asked.access_token, asked.route
        stream = yield from _asked(asked.stream, upstream)
    if stream.status == UNAUTHORIZED:
        now = yield from ReadClock()
        pause_until = yield from ReadRejection()
        if pause_until is not None and now < pause_until:
            raise _rejected((yield from _refusal(stream, token)))
        yield from CloseStream(stream)
        token = yield from access_token_flow(credential, rejected=token)
        took = (yield from ReadClock()) - now
        stream = yield from _open(request, token, route, upstream)
        if stream.status == UNAUTHORIZED:
            refusal = yield from _refusal(stream, token)
            lifetime = (yield from LoadTokens()).lifetime
            # A token that was long on its way may simply have been over.
            if lifetime is None or took < lifetime / 4:
                yield from RememberRejection(now + PAUSE_AFTER_REJECTION)
            raise _rejected(refusal)
    if 200 <= stream.status < 300:  # noqa: PLR2004
        return AuthorizedStream(stream=stream, access_token=token)
    raise (yield from _refusal(stream, token))


def list_models_flow(credential: Credential, upstream: Upstream, url: str) -> Flow[HttpResponse]:
    """Fetch the model list; the answer's status is 200. Raises TokenError, UpstreamError."""
    request = HttpRequest(method="GET", url=url, headers=(("Accept", "application/json"),))
    token = yield from access_token_flow(credential)
    try:
        response = yield from _quick(request.authorized(token), upstream)
        if response.status == UNAUTHORIZED:
            token = yield from access_token_flow(credential, rejected=token)
            response = yield from _quick(request.authorized(token), upstream)
    except TransportError as error:
        raise blame_upstream(error, connect_limit=upstream.quick.connect) from error
    if response.status == UNAUTHORIZED:
        raise _rejected(_status_error(response.status, response.headers, response.body, token))
    if response.status != 200:  # noqa: PLR2004
        raise _status_error(response.status, response.headers, response.body, token, listing=True)
    return response


def blame_upstream(
    error: TransportError, *, begun: bool = False, received: int | None = None, connect_limit: timedelta | None = None
) -> UpstreamError:
    """What a failed exchange with the upstream means; `begun` when its answer had begun to arrive.

    `received` is how many bytes of it had come, `connect_limit` the setting that limits how long connecting may take.
    """
    words = error.text.without_end()
    match error:
        case NotConnectedError():
            told = Text(
                f"The upstream could not be reached: {words.en}. ", f"无法连接上游模型服务器：{words.zh}。"
            ) + next_step(error.cause, address=UPSTREAM_ADDRESS, connect_limit=connect_limit)
            kind = UpstreamTimeoutError if error.timed_out else UpstreamUnreachableError
            return kind(told, cause=error.cause)
        case ResponseTimeoutError():
            return UpstreamTimeoutError(
                Text(
                    f"The upstream fell silent: {words.en}. LLM_REQUEST_TIMEOUT sets the limit: raise it if the model "
                    "is slow to begin (in LangChain: timeout, stream_chunk_timeout).",
                    f"上游模型服务器没有了响应：{words.zh}。等待时间由 LLM_REQUEST_TIMEOUT 限定："
                    "如果模型响应较慢，请调大该值（在 LangChain 中为 timeout、stream_chunk_timeout）。",
                )
            )
        case _ if begun:
            return _broken_off(words, received)
        case _:
            return UpstreamUnreachableError(
                Text(
                    f"The upstream closed the connection without an answer: {words.en}. Try again.",
                    f"上游模型服务器未作回答就关闭了连接：{words.zh}。请重试。",
                ),
                cause=error.cause,
            )


def _broken_off(words: Text, received: int | None) -> StreamInterruptedError:
    after = "" if received is None else f" after {received} bytes"
    so_far = "" if received is None else f"（已收到 {received} 字节）"
    return StreamInterruptedError(
        Text(
            f"The upstream's answer broke off{after}: {words.en}. What came before it is incomplete; send the request "
            "again.",
            f"上游的回答中途断开{so_far}：{words.zh}。此前收到的内容并不完整，请重新发送请求。",
        )
    )


def _inference_route_flow(upstream: Upstream) -> Flow[Route]:
    """The route that quick calls have found; where none has been made yet, make one.

    An inference request never switches routes: it may cost money, and must not be sent twice. A route over which the
    upstream was reached and stayed silent is a route all the same, where no other one answers: many do not know HEAD.
    """
    routes = yield from ReadRoutes()
    if not (yield from RouteKnown()):
        probe = HttpRequest(method="GET", url=upstream.models_url) if upstream.models_url else None
        request = probe or HttpRequest(method="HEAD", url=upstream.chat_url)
        failures: list[TransportError] = []
        for route in routes:
            try:
                yield from Send(request=request, route=route, timeouts=upstream.quick, max_bytes=MAX_MODEL_LIST_BYTES)
            except (CertificateError, ResponseTooLargeError) as error:
                raise blame_upstream(error, connect_limit=upstream.quick.connect) from error
            except TransportError as error:
                failures.append(error)
                continue
            yield from RememberRoute(route)
            return route
        reached = [
            route for route, failure in zip(routes, failures, strict=True) if not isinstance(failure, NotConnectedError)
        ]
        if not reached:
            yield from RememberRoute(None)
            failure = combined(failures)
            raise blame_upstream(failure, connect_limit=upstream.quick.connect) from failure
        yield from RememberRoute(reached[0])
        return reached[0]
    return routes[0]


def _asked(stream: OpenedStream, upstream: Upstream) -> Flow[OpenedStream]:
    try:
        yield from AwaitHead(stream)
    except TransportError as error:
        raise (yield from _unanswered(error, upstream)) from error
    return stream


def _open(request: HttpRequest, token: str, route: Route, upstream: Upstream) -> Flow[OpenedStream]:
    try:
        return (yield from OpenStream(request=request.authorized(token), route=route, timeouts=upstream.inference))
    except TransportError as error:
        raise (yield from _unanswered(error, upstream)) from error


def _unanswered(error: TransportError, upstream: Upstream) -> Flow[UpstreamError]:
    if isinstance(error, NotConnectedError):
        # The network has changed (a VPN went up or down): the next request looks for a route anew.
        yield from RememberRoute(None)
    return blame_upstream(error, connect_limit=upstream.quick.connect)


def _quick(request: HttpRequest, upstream: Upstream) -> Flow[HttpResponse]:
    return over_routes_flow(request, upstream.quick, max_bytes=MAX_MODEL_LIST_BYTES, repeatable=True)


def _refusal(stream: OpenedStream, token: str) -> Flow[UpstreamError]:
    if not 400 <= stream.status < 600:  # noqa: PLR2004
        yield from CloseStream(stream)
        if not 300 <= stream.status < 400:  # noqa: PLR2004
            return UpstreamProtocolError(
                Text(
                    f"The upstream answered with status {stream.status}, which is no status. Check LLM_API_URL.",
                    f"上游返回了无效的状态码 {stream.status}。请检查 LLM_API_URL。",
                )
            )
        return UpstreamProtocolError(
            Text(
                f"The upstream answered with a redirect (status {stream.status}), which is not followed, since it "
                "would carry the token elsewhere. Check LLM_API_URL: is it the API itself, with https and the full "
                "path?",
                f"上游返回了重定向（状态码 {stream.status}）；为避免把令牌带往别处，不会跟随重定向。"
                "请检查 LLM_API_URL：它是否为 API 本身的地址，是否使用 https 且路径完整？",
            )
        )
    try:
        body = yield from ReadBody(stream=stream, max_bytes=MAX_ERROR_BYTES)
    except TransportError:
        # The status says enough when its explanation is lost.
        body = b""
    return _status_error(stream.status, stream.headers, body, token)


def _status_error(
    status: int, headers: Headers, body: bytes, token: str, *, listing: bool = False
) -> UpstreamStatusError:
    """An upstream's error in its own words, but for our token, which some repeat."""
    nothing_there = status == NOT_FOUND and not means_unknown_model(status, body)
    return UpstreamStatusError(
        status=status,
        headers=without_token(headers, token),
        body=concealed(body, token),
        hint=(WRONG_LIST_ADDRESS if listing else WRONG_ADDRESS) if nothing_there else None,
    )


def _rejected(refusal: UpstreamError) -> UpstreamRejectedTokenError:
    words = Text(
        "The upstream refused two access tokens in a row, the second one just issued. The gateway's login is not "
        "accepted there: check that OAUTH_CLIENT_ID and LLM_API_URL belong together. Your own API key is not at fault.",
        "上游接连拒绝了两个访问令牌，其中第二个刚刚签发。上游不接受网关的登录：请检查 OAUTH_CLIENT_ID 与 LLM_API_URL "
        "是否匹配。您自己的 API 密钥没有问题。",
    )
    if not isinstance(refusal, UpstreamStatusError):
        return UpstreamRejectedTokenError(words)
    return UpstreamRejectedTokenError(words, status=refusal.status, headers=refusal.headers, body=refusal.body)
