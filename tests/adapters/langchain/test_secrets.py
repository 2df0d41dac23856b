"""No secret shows where people look: not in what a model prints, pickles, traces, caches, logs, or says of errors."""

import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumpd, dumps
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler

from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from tests.adapters.langchain.ways import STREAMED, WAYS, Way, hear
from tests.fakes.upstream_server import (
    DONE,
    EVENT_STREAM,
    HELLO,
    JSON,
    UpstreamServer,
    answering,
    error_body,
    event,
    hang_up,
    stop,
    streaming,
    word,
)
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest

ways = pytest.mark.parametrize("way", WAYS)
ACCESS, REFRESH, CLIENT = "access-token-0123456789", "refresh-token-0123456789", "client-secret-0123456789"
HEADER, CALL_HEADER, CALL_KEY = "header-value-0123456789", "call-header-value-0123456789", "sk-call-key-0123456789"
SECRETS = (ACCESS, REFRESH, CLIENT, HEADER, CALL_HEADER, CALL_KEY)
OPTIONS: dict[str, Any] = {"extra_headers": {"X-Call-Key": CALL_HEADER}, "api_key": CALL_KEY}


class Account(UpstreamServer):
    """An upstream with an authorization server of its own; `chat` is how the former behaves."""

    def __init__(self) -> None:
        self.chat: Behaviour = answering
        self.grants = 0
        super().__init__(self._behave)

    def _behave(self, connection: WireConnection, request: WireRequest) -> None:
        if request.target != "/token":
            self.chat(connection, request)
            return
        self.grants += 1
        grant = {"access_token": f"{ACCESS}-{self.grants}", "refresh_token": f"{REFRESH}-{self.grants}"}
        connection.reply(json.dumps({**grant, "token_type": "Bearer", "expires_in": 3600}).encode(), headers=JSON)


@pytest.fixture
def account() -> Iterator[Account]:
    with Account() as server:
        yield server


@pytest.fixture
def model(account: Account, tmp_path: Path) -> OCAChatModel:
    path = tmp_path / ".env"
    lines = {
        "OAUTH_TOKEN_URL": f"{account.url}/token",
        "OAUTH_CLIENT_ID": "client",
        "OAUTH_CLIENT_SECRET": CLIENT,
        "OAUTH_REFRESH_TOKEN": f"{REFRESH}-0",
        "LLM_API_URL": account.api_url,
        "LLM_MODEL_NAME": "m",
    }
    path.write_text("".join(f"{name}='{value}'\n" for name, value in lines.items()), encoding="utf-8")
    path.chmod(0o600)
    return OCAChatModel(
        token_manager=OCAOauth2TokenManager(path),
        max_retries=0,
        default_headers={"X-Key": HEADER},
        cache=InMemoryCache(),
    )


def check(*shown: object) -> None:
    for each in shown:
        text = each.decode("latin-1") if isinstance(each, bytes) else str(each)
        assert not [secret for secret in SECRETS if secret in text]


def everything_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__) + repr(vars(error))


def test_the_secrets_are_really_used(account: Account, model: OCAChatModel) -> None:
    """Or the other tests would prove nothing."""
    assert hear("invoke", model, **OPTIONS).message.text == "Hello"
    asked = account.asked[-1]
    assert asked.header("Authorization") == f"Bearer {ACCESS}-1"
    assert (asked.header("X-Key"), asked.header("X-Call-Key")) == (HEADER, CALL_HEADER)
    assert REFRESH.encode() in account.asked[0].body


def test_a_model_and_what_is_made_of_it_print_no_secret(model: OCAChatModel) -> None:
    assert hear("invoke", model).message.text
    for each in (model, model | StrOutputParser(), model.with_retry(), model.with_fallbacks([model])):
        check(each, repr(each))
    for each in (model, model | StrOutputParser()):
        check(dumps(each), dumps(each, pretty=True), dumpd(each))
    check(model.model_dump(), model.model_dump_json(), model.asdict(), model.lc_attributes)
    check(repr(model.token_manager), str(model.token_manager), repr(model.token_manager.settings))
    check(
        repr(vars(model)["token_manager"]), model.get_graph().draw_mermaid(), model.config_schema().model_json_schema()
    )


def test_a_pickle_holds_no_token(model: OCAChatModel) -> None:
    assert hear("invoke", model).message.text
    pickled = pickle.dumps(model).decode("latin-1")
    # The header fields are what the model was made with, and a copy without them would not work.
    assert not [secret for secret in (ACCESS, REFRESH, CLIENT) if secret in pickled]


@ways
def test_traces_and_caches_hold_no_secret(account: Account, model: OCAChatModel, way: Way) -> None:
    traces = RunCollectorCallbackHandler()
    config: RunnableConfig = {"callbacks": [traces]}
    chain = model.bind(**OPTIONS) | StrOutputParser()
    assert hear(way, model, config=config, **OPTIONS).message.text == "Hello"
    if way in STREAMED:
        assert list(chain.stream("Hi", config=config))
    else:
        assert chain.invoke("Hi", config=config)
    account.chat = lambda connection, _request: connection.reply(error_body("no"), status=500)
    assert hear(way, model, "another", config=config, **OPTIONS).error

    assert len(traces.traced_runs) == 3
    for traced in traces.traced_runs:
        check(traced.model_dump(mode="python"), traced.model_dump_json() if way == "invoke" else "")
    assert isinstance(model.cache, InMemoryCache)
    check(vars(model.cache))


def echo(status: int, as_json: Callable[[str], bytes]) -> Behaviour:
    """Repeats the token that it was sent, as some upstreams do in an error."""

    def behave(connection: WireConnection, request: WireRequest) -> None:
        token = request.header("Authorization") or ""
        connection.reply(as_json(token), status=status, headers=(*JSON, ("X-Token", token)))

    return behave


def echo_in_a_stream(connection: WireConnection, request: WireRequest) -> None:
    token = (request.header("Authorization") or "").removeprefix("Bearer ")
    connection.begin_chunked(headers=EVENT_STREAM)
    connection.chunk(word("Hel"))
    connection.chunk(event({"error": {"message": f"bad token {token}"}}))
    connection.end_chunked()


TROUBLES: dict[str, Behaviour] = {
    "401": echo(401, lambda token: error_body(f"the token {token} is unknown")),
    "400": echo(400, lambda token: error_body(f"who is {token}?")),
    "500 in plain text": echo(500, lambda token: f"cannot handle {token}".encode()),
    "200 with an error": echo(200, lambda token: error_body(f"cannot handle {token}")),
    "200 with nonsense": echo(200, lambda token: f"<html>{token}".encode()),
    "an error in mid-stream": echo_in_a_stream,
    "a dropped connection": lambda connection, _request: connection.reset(),
    "a dropped stream": streaming(word("Hel"), hang_up),
    "a redirect": lambda connection, _request: connection.reply(status=302, headers=(("Location", f"/?{ACCESS}"),)),
}


@ways
@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_errors_hold_no_secret(account: Account, model: OCAChatModel, way: Way, trouble: Behaviour) -> None:
    account.chat = trouble
    error: Any = hear(way, model, **OPTIONS).error
    assert error
    check(error, everything_of(error))
    response = getattr(error, "response", None)
    if response is not None:
        check(response.text, response.headers)


def test_a_refused_refresh_names_no_token(account: Account, model: OCAChatModel) -> None:
    account.behaviour = lambda connection, request: connection.reply(
        json.dumps({"error": "invalid_grant", "error_description": f"bad {REFRESH}-0"}).encode(),
        status=400,
        headers=JSON,
    )
    error = hear("invoke", model).error
    assert error
    check(error, everything_of(error))


@ways
def test_an_answer_that_repeats_the_token_does_not_hand_it_on(account: Account, model: OCAChatModel, way: Way) -> None:
    def repeat(connection: WireConnection, request: WireRequest) -> None:
        token = (request.header("Authorization") or "").removeprefix("Bearer ")
        if json.loads(request.body)["stream"]:
            streaming(word(f"It is {token}."), stop(), DONE)(connection, request)
        else:
            answer = {"choices": [{"message": {"content": f"It is {token}."}, "finish_reason": "stop"}]}
            connection.reply(json.dumps(answer).encode(), headers=JSON)

    account.chat = repeat
    message = hear(way, model).message
    assert message.text.startswith("It is ***")
    check(message)


@ways
def test_logs_of_the_finest_level_hold_no_secret(
    account: Account, model: OCAChatModel, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpcore", "httpx", "urllib3", "asyncio", "requests", "oca"):
        caplog.set_level(logging.DEBUG, logger=name)
    assert hear(way, model, **OPTIONS).message.text == "Hello"
    account.chat = streaming(*HELLO[:2], hang_up)
    assert hear(way, model, "another", **OPTIONS).error
    assert caplog.records
    check(caplog.text, *(vars(record) for record in caplog.records))


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": "hot"},
        {"default_headers": [CALL_HEADER]},
        {"default_headers": {"X": 7, "Y": CALL_HEADER}},
        {"api_key": 7},
        {"token_manager": CALL_KEY},
        {"colour": CALL_KEY},
        {"base_url": f"ftp://{CALL_KEY}"},
    ],
    ids=str,
)
def test_what_is_wrong_with_a_parameter_is_told_without_its_neighbours(
    model: OCAChatModel, wrong: dict[str, Any]
) -> None:
    parameters: dict[str, Any] = {
        "token_manager": model.token_manager,
        "default_headers": {"X-Key": HEADER},
        "api_key": CALL_KEY,
        **wrong,
    }
    with pytest.raises(ValueError, match=r"OCAChatModel|token_manager|colour") as caught:
        OCAChatModel(**parameters)
    check(caught.value, repr(caught.value))


def test_a_header_that_http_forbids_is_named_without_its_value(account: Account, model: OCAChatModel) -> None:
    error = hear("invoke", model, extra_headers={"X-Call-Key": f"{CALL_HEADER}\r\nX-Evil: 1"}).error
    assert error
    assert "X-Call-Key" in str(error)
    check(error, everything_of(error))
    assert account.grants <= 1
