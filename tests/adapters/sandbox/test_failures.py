"""Failures on request, and clients that go away."""

from datetime import timedelta
from typing import Any

import httpx
import openai
import pytest

from adapters.sandbox.controls import MOST_FAILED_ONCE, SandboxControls
from adapters.sandbox.failures import Failure, Wish, wish_in
from adapters.sandbox.server import Sandbox
from tests.adapters.sandbox.exchanges import access_token_of, ask, payloads_of, refresh
from tests.adapters.sandbox.openai_schemas import assert_valid
from tests.fakes.clock import FakeClock


def say(client: openai.OpenAI, text: str, *, stream: bool, **options: Any) -> str:
    question: list[Any] = [{"role": "user", "content": text}]
    chat = client.with_options(**options).chat.completions
    if not stream:
        return str(chat.create(model="sandbox-chat", messages=question).choices[0].message.content)
    chunks = chat.create(model="sandbox-chat", messages=question, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ("400", openai.BadRequestError),
        ("context", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("html", openai.InternalServerError),
        ("bare", openai.InternalServerError),
        ("close", openai.APIConnectionError),
        ("cut", openai.APIConnectionError),
        ("error-event", openai.APIError),
        ("garbage", ValueError),
    ],
)
def test_a_failure_comes_as_asked_for(client: openai.OpenAI, wish: str, error: type[Exception], stream: bool) -> None:
    with pytest.raises(error):
        say(client, f"/fail {wish}", stream=stream)
    assert "sandbox" in say(client, "And now?", stream=stream)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_failing_status_has_openais_shape(api: httpx.Client, status: int) -> None:
    response = api.post("/chat/completions", json=ask(f"/fail {status}"))

    assert response.status_code == status
    assert_valid("ErrorResponse", response.json())
    assert ("retry-after" in response.headers) == (status in (429, 503))


def test_a_cut_stream_has_begun(api: httpx.Client) -> None:
    seen: list[bytes] = []
    with api.stream("POST", "/chat/completions", json=ask("/fail cut", stream=True)) as response:
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            seen.extend(response.iter_bytes())

    assert seen[0].startswith(b"data: {")
    assert b"[DONE]" not in b"".join(seen)


def test_a_cut_whole_answer_is_shorter_than_announced(api: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        api.post("/chat/completions", json=ask("/fail cut"))


def test_a_stream_without_done_is_otherwise_whole(api: httpx.Client) -> None:
    response = api.post("/chat/completions", json=ask("/fail no-done", stream=True))

    assert b'"finish_reason":"stop"' in response.content
    assert b"[DONE]" not in response.content


def test_a_prompt_too_long_is_told_in_openais_words(api: httpx.Client) -> None:
    response = api.post("/chat/completions", json=ask("/fail context"))

    assert response.status_code == 400
    assert_valid("ErrorResponse", response.json())
    error = response.json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert error["message"].startswith("This model's maximum context length is ")


def test_a_refusal_stands_where_the_answer_would(api: httpx.Client) -> None:
    choice = api.post("/chat/completions", json=ask("/fail refusal")).json()["choices"][0]
    assert choice["message"]["content"] is None
    assert "can't help" in choice["message"]["refusal"]
    assert choice["finish_reason"] == "stop"

    chunks = payloads_of(api.post("/chat/completions", json=ask("/fail refusal", stream=True)))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("refusal") or "" for delta in deltas) == choice["message"]["refusal"]
    assert not any(delta.get("content") for delta in deltas)


@pytest.mark.parametrize("stream", [False, True])
def test_a_truncated_answer_ends_as_if_it_were_whole(api: httpx.Client, stream: bool) -> None:
    response = api.post("/chat/completions", json=ask("/fail truncate", stream=stream))

    assert response.status_code == 200
    assert "content-length" not in response.headers
    assert b"Hello" in response.content
    assert b'"finish_reason":"stop"' not in response.content
    assert b"[DONE]" not in response.content
    if stream:
        assert response.content.endswith(b"}\n\n")


@pytest.mark.parametrize(("stream", "sign"), [(False, b"\n"), (True, b": keep-alive\n\n")])
def test_signs_of_life_last_until_the_client_leaves(
    api: httpx.Client, world: Sandbox, stream: bool, sign: bytes
) -> None:
    before = world.controls.answers
    seen = b""
    with api.stream("POST", "/chat/completions", json=ask("/fail keep-alive", stream=stream)) as response:
        for piece in response.iter_bytes():
            seen += piece
            if seen.count(sign * 3 if stream else sign) >= 3:
                break

    assert (b'data: {"id"' in seen) == stream
    assert b"[DONE]" not in seen
    assert seen.endswith(sign)
    assert world.controls.wait_until(lambda: world.controls.answers.aborted == before.aborted + 1)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_failure_for_once_is_followed_by_the_answer(api: httpx.Client, status: int, stream: bool) -> None:
    question = ask(f"/fail once {status}", stream=stream)
    first, second, third = (api.post("/chat/completions", json=question) for _ in range(3))
    another = api.post("/chat/completions", json=question | {"user": "someone else"})

    assert [first.status_code, second.status_code, third.status_code] == [status, 200, 200]
    assert ("www-authenticate" in first.headers) == (status == 401)
    assert b"sandbox" in second.content
    assert another.status_code == status


def test_only_so_many_failures_for_once_are_remembered(clock: FakeClock) -> None:
    controls = SandboxControls(clock)

    assert all(controls.is_first(str(number)) for number in range(MOST_FAILED_ONCE))
    assert not any(controls.is_first(str(number)) for number in range(MOST_FAILED_ONCE))
    assert controls.is_first("one too many")
    assert controls.is_first("0")
    assert not controls.is_first("2")


@pytest.mark.parametrize("stream", [False, True])
def test_a_stall_lasts_until_the_client_leaves(client: openai.OpenAI, world: Sandbox, stream: bool) -> None:
    before = world.controls.answers
    with pytest.raises((openai.APITimeoutError, openai.APIConnectionError)):
        say(client, "/fail stall", stream=stream, timeout=0.2)

    assert world.controls.wait_until(lambda: world.controls.answers.aborted == before.aborted + 1)
    assert world.controls.wait_until(lambda: world.controls.answers.open == before.open)


def test_an_abandoned_stream_is_noticed(client: openai.OpenAI, world: Sandbox) -> None:
    before = world.controls.answers
    stream = client.chat.completions.create(
        model="sandbox-chat", messages=[{"role": "user", "content": "/slow 0.05"}], stream=True
    )
    next(iter(stream))
    assert world.controls.answers.open == before.open + 1
    stream.close()

    assert world.controls.wait_until(lambda: world.controls.answers.aborted == before.aborted + 1)
    assert world.controls.answers.open == before.open


def test_a_finished_answer_is_not_an_aborted_one(client: openai.OpenAI, world: Sandbox) -> None:
    before = world.controls.answers
    say(client, "Hi", stream=True)
    say(client, "Hi", stream=False)

    assert world.controls.wait_until(lambda: world.controls.answers.finished == before.finished + 2)
    assert world.controls.answers.aborted == before.aborted


def test_the_usual_pause_is_a_knob(sandbox: Sandbox, http: httpx.Client) -> None:
    token = access_token_of(refresh(http, sandbox, sandbox.controls.issue_login()))
    sandbox.controls.word_pause = timedelta(minutes=5)
    headers = {"Authorization": f"Bearer {token}"}

    with pytest.raises(httpx.ReadTimeout):
        http.post(sandbox.chat_url, json=ask("Hi", stream=True), headers=headers, timeout=0.2)
    assert http.post(sandbox.chat_url, json=ask("Hi"), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("/fail 418", Wish(failure=Failure.STATUS, status=418)),
        (" /FAIL html \n", Wish(failure=Failure.HTML)),
        ("/fail once 503", Wish(failure=Failure.STATUS, status=503, once=True)),
        ("/fail ONCE cut", Wish(failure=Failure.CUT, once=True)),
        ("/fail once", Wish()),
        ("/fail once nothing", Wish()),
        ("/fail once once 503", Wish()),
        ("/fail status", Wish()),
        ("/fail 200", Wish()),
        ("/fail", Wish()),
        ("please /fail 500", Wish()),
        ("/slow", Wish(pause=timedelta(seconds=0.5))),
        ("/slow 2.5", Wish(pause=timedelta(seconds=2.5))),
        ("/slow 9999", Wish(pause=timedelta(minutes=10))),
        ("/slowly", Wish()),
    ],
)
def test_only_a_message_that_is_a_command_is_one(text: str, wish: Wish) -> None:
    assert wish_in(text) == wish


@pytest.mark.parametrize("failure", [failure for failure in Failure if failure is not Failure.STATUS])
def test_help_names_every_failure(client: openai.OpenAI, failure: Failure) -> None:
    for question in ("/help", "/help 中文"):
        told = say(client, question, stream=False)
        assert f"- /fail {failure.value}" in told
        assert "- /fail once 503" in told
