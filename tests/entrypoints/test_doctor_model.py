"""`oca doctor` finds what is wrong with the model's server and its streams, each fault as one failed line."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from domain.checkup import Blame, Check, CheckState
from tests.entrypoints.doctor_scene import Front, change, examine, in_state, state_of, the_failure, the_warning, write
from tests.entrypoints.stack import sandbox, write_env
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.upstream_server import (
    JSON,
    UpstreamServer,
    answering,
    error_body,
    hang_up,
    replying,
    silence,
    streaming,
    whole,
    word,
)
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest

PAGE = b"<!DOCTYPE html><html><head><title>Guest network</title></head></html>"


@pytest.fixture
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer() as running:
        yield running


def checked(folder: Path, upstream: UpstreamServer, **more: str) -> list[Check]:
    text = upstream.env_text(LLM_MODELS_API_URL=f"{upstream.url}/v1/models")
    return examine(change(write(folder, text), **more))


def resetting(connection: WireConnection, request: WireRequest) -> None:
    connection.reset()


def when(method: str, behaviour: Behaviour, *, stream: bool = False) -> Behaviour:
    """This behaviour for one kind of request, a good one for all others."""

    def behave(connection: WireConnection, request: WireRequest) -> None:
        streams = request.method == "POST" and bool(json.loads(request.body).get("stream"))
        chosen = behaviour if request.method == method and streams is stream else answering
        chosen(connection, request)

    return behave


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        (replying(PAGE, headers=(("Content-Type", "text/html"),)), "html"),
        (replying(b"not json"), "unreadable_answer"),
        (replying(b'{"data": []}'), "unreadable_answer"),
        (replying(error_body("no list here"), status=404), "not_found"),
        (replying(error_body("broken"), status=500), "status_500"),
        (replying(b"", status=302), "redirect"),
        (resetting, "connection_lost"),
    ],
)
def test_a_model_list_that_is_broken_leaves_the_chat_to_be_checked(
    tmp_path: Path, upstream: UpstreamServer, behaviour: Behaviour, fault: str
) -> None:
    upstream.behaviour = when("GET", behaviour)
    checks = checked(tmp_path, upstream)
    found = the_failure(checks)
    assert (found.id, found.fault) == ("models", fault)
    assert state_of(checks, "stream") is CheckState.PASSED


def test_a_model_list_that_hangs_is_the_connection_timeout(tmp_path: Path, upstream: UpstreamServer) -> None:
    upstream.behaviour = when("GET", silence)
    found = the_failure(checked(tmp_path, upstream, CONNECTION_TIMEOUT="0.3"))
    assert (found.id, found.fault) == ("models", "answer_timeout")
    assert "CONNECTION_TIMEOUT" in str(found.mend)


@pytest.mark.parametrize(
    ("behaviour", "fault", "blame"),
    [
        (replying(PAGE, headers=(("Content-Type", "text/html"),)), "html", Blame.UPSTREAM),
        (replying(PAGE, status=502), "html", Blame.UPSTREAM),
        (replying(b"{}"), "unreadable_answer", Blame.UPSTREAM),
        (replying(b'{"detail":"Not Found"}', status=404), "not_found", Blame.UPSTREAM),
        (replying(error_body("no right"), status=403), "forbidden", Blame.UPSTREAM),
        (replying(error_body("broken"), status=500), "status_500", Blame.UPSTREAM),
        (replying(error_body("in disguise")), "status_500", Blame.UPSTREAM),
        (replying(error_body("unknown", code="model_not_found"), status=404), "unknown_model", Blame.CONFIGURATION),
    ],
)
def test_a_chat_that_gets_no_answer(
    tmp_path: Path, upstream: UpstreamServer, behaviour: Behaviour, fault: str, blame: Blame
) -> None:
    upstream.behaviour = when("POST", behaviour)
    checks = checked(tmp_path, upstream)
    found = the_failure(checks)
    assert (found.id, found.fault, found.blame) == ("chat", fault, blame)
    assert state_of(checks, "stream") is CheckState.SKIPPED


def test_a_path_that_leads_nowhere_is_told_as_the_address_that_was_asked(
    tmp_path: Path, upstream: UpstreamServer
) -> None:
    upstream.behaviour = when("POST", replying(b"", status=404))
    found = the_failure(checked(tmp_path, upstream))
    assert f"{upstream.api_url}/chat/completions" in str(found.mend)


def test_a_model_that_nobody_knows_has_neighbours(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        found = the_failure(examine(change(write_env(tmp_path, world), LLM_MODEL_NAME="sandbox-chta")))
    assert (found.id, found.fault, found.blame) == ("chat", "unknown_model", Blame.CONFIGURATION)
    assert found.mend is not None
    assert "sandbox-chat" in found.mend.en
    assert "sandbox-chat" in found.mend.zh


def test_a_model_without_neighbours_has_examples(tmp_path: Path, upstream: UpstreamServer) -> None:
    upstream.behaviour = when("POST", replying(b'{"message": "gone"}', status=404))
    found = the_failure(checked(tmp_path, upstream, LLM_MODEL_NAME="zzzzzzzz"))
    assert found.fault == "unknown_model"
    assert "m, n, o" in str(found.mend)


def test_a_silent_model_is_the_request_timeout(tmp_path: Path, upstream: UpstreamServer) -> None:
    upstream.behaviour = when("POST", silence)
    found = the_failure(checked(tmp_path, upstream, LLM_REQUEST_TIMEOUT="0.4"))
    assert (found.id, found.fault, found.blame) == ("chat", "answer_timeout", Blame.UNREACHABLE)
    assert "LLM_REQUEST_TIMEOUT" in found.finding.zh


def test_a_token_that_the_upstream_rejects_is_told_once(tmp_path: Path, upstream: UpstreamServer) -> None:
    upstream.behaviour = replying(error_body("who are you?"), status=401)
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world, LLM_API_URL=upstream.api_url, LLM_MODELS_API_URL=f"{upstream.url}/v1/models")
        found = the_failure(examine(path))
        # One for the first token, one more since that was refused; the other checks do not try it again.
        assert world.controls.tokens.grants == 2
        without_list = the_failure(examine(change(path, LLM_MODELS_API_URL=None)))
    assert (found.id, found.fault, found.blame) == ("models", "token_rejected", Blame.UPSTREAM)
    assert (without_list.id, without_list.fault) == ("chat", "token_rejected")


def test_a_token_that_was_revoked_is_renewed_and_all_is_well(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        path = write_env(tmp_path, world)
        assert in_state(examine(path), CheckState.FAILED) == []
        world.controls.revoke_access_tokens()
        assert in_state(examine(path), CheckState.FAILED) == []
        assert world.controls.tokens.grants == 2


def test_a_limit_is_worded_as_the_model_wants_it(tmp_path: Path, upstream: UpstreamServer) -> None:
    asked: list[dict[str, Any]] = []

    def picky(connection: WireConnection, request: WireRequest) -> None:
        body: dict[str, Any] = json.loads(request.body) if request.method == "POST" else {}
        if request.method == "POST":
            asked.append(body)
        if "max_tokens" in body:
            connection.reply(
                error_body("Use 'max_completion_tokens' instead of 'max_tokens'."), status=400, headers=JSON
            )
        else:
            answering(connection, request)

    upstream.behaviour = picky
    assert in_state(checked(tmp_path, upstream), CheckState.FAILED) == []
    limits = [{key: body[key] for key in body if key.startswith("max_")} for body in asked]
    assert limits == [{"max_tokens": 1}, {"max_completion_tokens": 1}, {"max_completion_tokens": 200}]


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        (streaming(word("one"), word(" two"), hang_up), "stream_cut"),
        (streaming(word("one"), word(" two")), "stream_cut"),
        (streaming(word("one"), word(" two"), lambda connection: connection.pause(), end=False), "stream_stalled"),
        (streaming(lambda connection: connection.pause(), end=False), "answer_timeout"),
        (streaming(b'data: {"error": {"message": "broken"}}\n\n'), "status_500"),
        (streaming(PAGE), "html"),
        (replying(whole()), "no_stream"),
        (replying(error_body("broken"), status=500), "status_500"),
        (resetting, "connection_lost"),
    ],
)
def test_a_stream_that_does_not_come_whole(
    tmp_path: Path, upstream: UpstreamServer, behaviour: Behaviour, fault: str
) -> None:
    upstream.behaviour = when("POST", behaviour, stream=True)
    found = the_failure(checked(tmp_path, upstream, LLM_REQUEST_TIMEOUT="0.5"))
    assert (found.id, found.fault) == ("stream", fault)


class TestWhatIsBetween:
    @pytest.fixture
    def world(self) -> Iterator[Sandbox]:
        with sandbox(SystemClock()) as running:
            running.controls.word_pause = timedelta(milliseconds=20)
            yield running

    @pytest.fixture
    def env(self, tmp_path: Path, world: Sandbox) -> Path:
        return write_env(tmp_path, world)

    def test_what_holds_a_stream_back_is_found(self, env: Path, world: Sandbox) -> None:
        with Front(world.port, hold=True) as front:
            found = the_warning(examine(change(env, LLM_API_URL=f"{front.url}/v1")))
        assert (found.id, found.fault, found.details["flowing"]) == ("stream", "buffered", "held_back")
        assert "X-Accel-Buffering" in str(found.mend)

    def test_a_proxy_that_holds_a_stream_back_is_named(self, env: Path, world: Sandbox) -> None:
        with Front(world.port, hold=True) as front, ProxyServer() as proxy:
            # Its name leads nowhere here, so the proxy is the way.
            url = front.url.replace("127.0.0.1", "localhost")
            checks = examine(
                change(env, LLM_API_URL=f"{url}/v1", HTTP_PROXY_URL=proxy.url),
                resolve=lambda host, port: [(0, 0, 0, "", ("127.0.0.2" if host == "localhost" else host, port))],
            )
        found = next(check for check in checks if check.id == "stream")
        assert found.fault == "buffered"
        assert "HTTP_PROXY_URL" in str(found.mend)

    def test_what_cuts_a_stream_is_found(self, env: Path, world: Sandbox) -> None:
        with Front(world.port, cut_after_bytes=2000) as front:
            found = the_failure(examine(change(env, LLM_API_URL=f"{front.url}/v1")))
        assert (found.id, found.fault, found.blame) == ("stream", "stream_cut", Blame.UPSTREAM)

    def test_a_front_that_lets_it_flow_raises_no_alarm(self, env: Path, world: Sandbox) -> None:
        with Front(world.port) as front:
            checks = examine(change(env, LLM_API_URL=f"{front.url}/v1"))
        assert in_state(checks, CheckState.WARNED) == []
        assert next(check for check in checks if check.id == "stream").details["flowing"] == "streams"

    def test_a_fast_model_raises_no_alarm(self, env: Path, world: Sandbox) -> None:
        world.controls.word_pause = timedelta(0)
        assert in_state(examine(env), CheckState.WARNED) == []
