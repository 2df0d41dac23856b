"""The relay road, as a caller sees it over a socket."""

import json
import threading
from collections.abc import Callable

import httpx
import pytest

from domain.errors import (
    ConnectionLostError,
    LoginRequiredError,
    OCAError,
    TokenEndpointUnavailableError,
    UpstreamProtocolError,
    UpstreamRejectedTokenError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from domain.upstream_flows import blame_upstream
from ports.gateway import Relay
from tests.adapters.http_api.serving import CHAT, STREAM, served
from tests.fakes.gateway import JSON, SSE, FakeAnswer, FakeGateway

CHUNK = b'{"choices":[{"index":0,"delta":{"content":"\\u4f60"},"finish_reason":null}],"x":1}'
LAST = b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'


def event(payload: bytes, end: bytes = b"\n") -> bytes:
    return b"data: " + payload + end + end


def failing(error: OCAError) -> Callable[[Relay], FakeAnswer]:
    def answer(_: Relay) -> FakeAnswer:
        raise error

    return answer


def payloads(text: bytes) -> list[bytes]:
    assert text.endswith(b"\n\n")
    return [block.removeprefix(b"data: ") for block in text.removesuffix(b"\n\n").split(b"\n\n")]


def test_a_whole_answer_reaches_the_caller_byte_for_byte_with_its_headers() -> None:
    body = b'{ "id":"x", "unknown": 1.0 ,"big":12345678901234567890}'
    headers = (*JSON, ("x-ratelimit-remaining", "9"), ("set-cookie", "a=b"), ("x-request-id", "theirs"))
    with served(FakeGateway(lambda _: FakeAnswer([body[:7], body[7:]], headers))) as client:
        response = client.post("/v1/chat/completions", json=CHAT)
    assert (response.status_code, response.content) == (200, body)
    assert response.headers["x-ratelimit-remaining"] == "9"
    assert response.headers["x-upstream-request-id"] == "theirs"
    assert "set-cookie" not in response.headers


def test_the_callers_body_goes_on_byte_for_byte_and_credentials_do_not() -> None:
    gateway = FakeGateway()
    body = b'{"messages":[{"role":"user","content":"\xe4\xbd\xa0"}], "model":"m","future":{"a":[1.0,1e3,null]}}'
    with served(gateway) as client:
        client.post(
            "/v1/chat/completions?trace=1",
            content=body,
            headers={"content-type": "application/json", "authorization": "Bearer mine", "x-own": "1"},
        )
    (relayed,) = gateway.relayed
    assert (relayed.path, relayed.query, relayed.body) == ("chat/completions", "trace=1", body)
    assert ("x-own", "1") in relayed.headers


def test_an_absent_model_is_the_only_thing_that_is_filled_in() -> None:
    gateway = FakeGateway()
    with served(gateway) as client:
        client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "hi"}]})
    assert json.loads(gateway.relayed[0].body) == {
        "model": "default-model",
        "messages": [{"role": "user", "content": "hi"}],
    }


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_stream_is_framed_for_the_weakest_client_whatever_the_upstreams_line_ends(end: bytes) -> None:
    pieces = [b": hello" + end, event(CHUNK, end), event(LAST, end), event(b"[DONE]", end)]
    with served(FakeGateway(lambda _: FakeAnswer(pieces, SSE))) as client:
        response = client.post("/v1/chat/completions", json=STREAM)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no"
    assert "no-cache" in response.headers["cache-control"]
    assert "content-length" not in response.headers
    assert payloads(response.content) == [CHUNK, LAST, b"[DONE]"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", ""])
@pytest.mark.parametrize("blank", [b"", b"\xef\xbb\xbf", b"\n", b": comment\n\n"])
def test_a_stream_that_was_asked_for_is_known_by_its_look_whatever_it_calls_itself(
    content_type: str, blank: bytes
) -> None:
    headers = (("content-type", content_type),) if content_type else ()
    stream = blank + event(CHUNK) + event(LAST) + event(b"[DONE]")
    pieces = [stream[at : at + 1] for at in range(len(stream))]
    with served(FakeGateway(lambda _: FakeAnswer(pieces, headers))) as client:
        response = client.post("/v1/chat/completions", json=STREAM)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert payloads(response.content) == [CHUNK, LAST, b"[DONE]"]


def test_a_document_that_answers_a_request_for_a_stream_is_passed_on_as_it_is() -> None:
    with served(FakeGateway(lambda _: FakeAnswer([b"  ", b'{"a":', b"1}"]))) as client:
        response = client.post("/v1/chat/completions", json=STREAM)
    assert response.json() == {"a": 1}
    assert response.headers["content-type"] == "application/json"


def test_a_byte_order_mark_does_not_make_json_nonsense() -> None:
    body = b"\xef\xbb\xbf{}"
    with served(FakeGateway(lambda _: FakeAnswer([body]))) as client:
        assert client.post("/v1/chat/completions", json=CHAT).content == body


def test_a_large_answer_is_passed_on_piece_by_piece_and_its_break_is_seen() -> None:
    mebibyte = b"x" * 1024 * 1024
    whole = [b'{"a":"', *[mebibyte] * 8, b'"}']
    length = str(sum(map(len, whole)))
    with served(FakeGateway(lambda _: FakeAnswer(whole, (*JSON, ("content-length", length))))) as client:
        response = client.post("/v1/chat/completions", json=CHAT)
    assert response.content == b"".join(whole)
    assert response.headers["content-length"] == length
    lost = blame_upstream(ConnectionLostError("reset by peer"), begun=True)
    with (
        served(FakeGateway(lambda _: FakeAnswer([*whole[:7], lost]))) as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.post("/v1/chat/completions", json=CHAT)


def test_each_event_reaches_the_caller_before_the_next_one_exists() -> None:
    def answer(_: Relay) -> FakeAnswer:
        import asyncio

        gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        gates.append(lambda: loop.call_soon_threadsafe(gate.set))
        return FakeAnswer([event(CHUNK), gate, event(LAST)], SSE)

    gates: list[Callable[[], object]] = []
    with served(FakeGateway(answer)) as client, client.stream("POST", "/v1/chat/completions", json=STREAM) as response:
        pieces = response.iter_raw()
        assert CHUNK in next(pieces)
        gates[0]()
        assert payloads(b"".join(pieces)) == [LAST, b"[DONE]"]


def test_a_stream_that_broke_off_ends_with_an_error_event_and_is_not_dressed_up() -> None:
    lost = blame_upstream(ConnectionLostError("reset by peer"), begun=True)
    with served(FakeGateway(lambda _: FakeAnswer([event(CHUNK), lost], SSE))) as client:
        response = client.post("/v1/chat/completions", json=STREAM)
    first, last = payloads(response.content)
    assert first == CHUNK
    assert json.loads(last)["error"]["code"] == "stream_interrupted"
    assert b"[DONE]" not in response.content


def test_a_stream_that_just_ends_before_it_is_complete_is_broken_too() -> None:
    with served(FakeGateway(lambda _: FakeAnswer([event(CHUNK)], SSE))) as client:
        response = client.post("/v1/chat/completions", json=STREAM)
    assert json.loads(payloads(response.content)[-1])["error"]["code"] == "stream_interrupted"


def test_a_stream_that_ends_before_its_first_event_is_an_error_with_a_status() -> None:
    with served(FakeGateway(lambda _: FakeAnswer([b": nothing\n\n"], SSE))) as client:
        response = client.post("/v1/chat/completions", json=STREAM)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "stream_interrupted")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (UpstreamUnreachableError("unplugged"), 502, "upstream_unreachable"),
        (UpstreamTimeoutError("slow"), 504, "upstream_timeout"),
        (UpstreamProtocolError("odd"), 502, "upstream_protocol_error"),
        (UpstreamRejectedTokenError("no"), 502, "upstream_rejected_token"),
        (LoginRequiredError("run this"), 503, "login_required"),
    ],
)
@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_before_the_first_byte_each_failure_has_its_status_and_openais_shape(
    error: OCAError, status: int, code: str, body: object
) -> None:
    with served(FakeGateway(failing(error))) as client:
        response = client.post("/v1/chat/completions", json=body)
        assert client.get("/healthz").status_code == 200, "the next request works"
    assert response.status_code == status
    assert response.json()["error"] == {
        "message": str(error),
        "type": response.json()["error"]["type"],
        "param": None,
        "code": code,
    }


def test_waiting_may_help_is_said_with_retry_after() -> None:
    from datetime import timedelta

    error = TokenEndpointUnavailableError("busy", retry_after=timedelta(seconds=6.2))
    with served(FakeGateway(failing(error))) as client:
        assert client.post("/v1/chat/completions", json=CHAT).headers["retry-after"] == "7"


def test_an_upstreams_error_keeps_status_words_and_retry_after_even_as_html() -> None:
    error = UpstreamStatusError(
        status=429,
        headers=(("Retry-After", "3"), ("Content-Type", "text/html"), ("x-ratelimit-limit-requests", "1")),
        body=b"<html><head><title>Slow down</title></head></html>",
    )
    with served(FakeGateway(failing(error))) as client:
        response = client.post("/v1/chat/completions", json=CHAT)
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-ratelimit-limit-requests"] == "1"
    assert "Slow down" in response.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"", b"nonsense", b'{"cut":'])
def test_a_page_or_nonsense_with_status_200_is_a_bad_gateway(body: bytes) -> None:
    with served(FakeGateway(lambda _: FakeAnswer([body], (("content-type", "text/html"),)))) as client:
        response = client.post("/v1/chat/completions", json=CHAT)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "upstream_protocol_error")


def test_a_silent_upstream_is_bridged_with_comments_and_its_late_error_becomes_an_event() -> None:
    import asyncio
    from datetime import timedelta

    gateway = FakeGateway(failing(UpstreamTimeoutError("too slow")))
    gateway.opening = asyncio.Event()
    with (
        served(gateway, keep_alive=timedelta(milliseconds=30)) as client,
        client.stream("POST", "/v1/chat/completions", json=STREAM) as response,
    ):
        assert response.status_code == 200
        lines = response.iter_lines()
        assert next(lines) == ": keep-alive"
        gateway.opening._loop.call_soon_threadsafe(gateway.opening.set)  # type: ignore[attr-defined] # the server's loop
        rest = [line for line in lines if line and not line.startswith(":")]
    assert json.loads(rest[-1].removeprefix("data: "))["error"]["code"] == "upstream_timeout"


def test_a_request_that_is_no_stream_gets_no_comments() -> None:
    from datetime import timedelta

    def answer(_: Relay) -> FakeAnswer:
        import asyncio

        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, gate.set)
        return FakeAnswer([gate, b"{}"])

    with served(FakeGateway(answer), keep_alive=timedelta(milliseconds=10)) as client:
        assert client.post("/v1/chat/completions", json=CHAT).content == b"{}"


@pytest.mark.parametrize("body", [CHAT, STREAM])
def test_when_the_caller_goes_away_the_upstreams_answer_is_closed_within_a_second(body: object) -> None:
    closed = threading.Event()
    begun = threading.Event()

    class Watched(FakeAnswer):
        async def aclose(self) -> None:
            closed.set()

    def answer(_: Relay) -> FakeAnswer:
        import asyncio

        begun.set()
        return Watched([event(CHUNK), asyncio.Event()], SSE if body is STREAM else JSON)

    with served(FakeGateway(answer)) as client:
        with httpx.Client(base_url=client.base_url, trust_env=False) as leaving:
            request = leaving.build_request("POST", "/v1/chat/completions", json=body)
            if body is STREAM:
                response = leaving.send(request, stream=True)
                next(response.iter_raw())
                response.close()
            else:
                with pytest.raises(httpx.ReadTimeout):
                    leaving.send(
                        leaving.build_request("POST", "/v1/chat/completions", json=body, timeout=0.2),
                    )
        assert begun.wait(5)
        assert closed.wait(1)


def test_when_the_caller_goes_away_before_the_upstream_answered_the_attempt_is_cancelled() -> None:
    import asyncio

    gateway = FakeGateway()
    gateway.opening = asyncio.Event()
    with served(gateway) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/chat/completions", json=CHAT, timeout=0.2)
        client.get("/healthz")
        deadline = threading.Event()
        for _ in range(100):
            if gateway.cancelled_openings:
                break
            deadline.wait(0.01)
    assert gateway.cancelled_openings == 1


def test_embeddings_and_completions_take_the_same_road_to_their_sibling_addresses() -> None:
    gateway = FakeGateway()
    with served(gateway) as client:
        client.post("/v1/embeddings", json={"input": ["a"]})
        client.post("/v1/completions", json={"prompt": "a", "model": "m"})
    assert [relayed.path for relayed in gateway.relayed] == ["embeddings", "completions"]


@pytest.mark.parametrize(
    ("content", "headers", "status", "param"),
    [
        (b"{", {}, 400, None),
        (b"[]", {}, 400, None),
        (b"", {}, 400, None),
        (b'{"model": "m"}', {}, 400, "messages"),
        (b'{"messages": "hi"}', {}, 400, "messages"),
        (b'{"messages": [1]}', {}, 400, "messages[0]"),
        (b'{"messages": [{}], "model": 1}', {}, 400, "model"),
        (b'{"messages": [{}], "stream": "yes"}', {}, 400, "stream"),
        (b"{}", {"content-type": "text/plain"}, 415, None),
        (b"{}", {"content-type": "application/x-www-form-urlencoded"}, 415, None),
        (b"{}", {"content-encoding": "gzip"}, 415, None),
        (b" " * 2000, {}, 413, None),
    ],
)
def test_bad_input_is_refused_in_openais_shape_naming_the_parameter(
    content: bytes, headers: dict[str, str], status: int, param: str | None
) -> None:
    gateway = FakeGateway()
    with served(gateway, max_body_bytes=1000) as client:
        response = client.post(
            "/v1/chat/completions", content=content, headers={"content-type": "application/json", **headers}
        )
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
    assert response.json()["error"]["message"]
    assert gateway.relayed == []


def test_a_body_of_unknown_length_is_cut_off_at_the_limit() -> None:
    with served(FakeGateway(), max_body_bytes=1000) as client:
        response = client.post(
            "/v1/chat/completions",
            content=(b" " * 100 for _ in range(100)),
            headers={"content-type": "application/json"},
        )
    assert response.status_code == 413


def test_a_defect_of_ours_is_a_500_that_names_the_log_line() -> None:
    def answer(_: Relay) -> FakeAnswer:
        raise ZeroDivisionError

    with served(FakeGateway(answer)) as client:
        response = client.post("/v1/chat/completions", json=CHAT, headers={"x-request-id": "abc"})
    assert response.status_code == 500
    assert "abc" in response.json()["error"]["message"]


def test_a_running_stream_may_finish_while_the_server_shuts_down() -> None:
    import asyncio

    from adapters.http_api.app import build_app
    from tests.adapters.http_api.serving import OPTIONS
    from tests.fakes.live_server import LiveServer

    gates: list[Callable[[], object]] = []

    def answer(_: Relay) -> FakeAnswer:
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        gates.append(lambda: loop.call_soon_threadsafe(gate.set))
        return FakeAnswer([event(CHUNK), gate, event(LAST), event(b"[DONE]")], SSE)

    gateway = FakeGateway(answer)
    app = build_app(gateway, OPTIONS, version="0", aclose=gateway.aclose)
    with (
        LiveServer(app) as server,
        httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client,
        client.stream("POST", "/v1/chat/completions", json=STREAM) as response,
    ):
        pieces = response.iter_raw()
        first = next(pieces)
        server.begin_shutdown()
        gates[0]()
        assert payloads(first + b"".join(pieces)) == [CHUNK, LAST, b"[DONE]"]
    assert gateway.closed


def test_a_stream_that_outlives_the_grace_period_is_told_so() -> None:
    import asyncio

    from adapters.http_api.app import build_app
    from tests.adapters.http_api.serving import OPTIONS
    from tests.fakes.live_server import LiveServer

    gateway = FakeGateway(lambda _: FakeAnswer([event(CHUNK), asyncio.Event()], SSE))
    app = build_app(gateway, OPTIONS, version="0", aclose=gateway.aclose)
    with (
        LiveServer(app, grace_s=0) as server,
        httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client,
        client.stream("POST", "/v1/chat/completions", json=STREAM) as response,
    ):
        pieces = response.iter_raw()
        first = next(pieces)
        server.begin_shutdown()
        rest = payloads(first + b"".join(pieces))
    assert "shutting down" in json.loads(rest[-1])["error"]["message"]
