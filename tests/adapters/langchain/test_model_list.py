"""The list of models, and what `from_env` makes of a `.env`: nothing waits for the list, or fails for want of it."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from adapters.langchain import OCAChatModel, OCAOauth2TokenManager
from domain.errors import ConfigurationError
from tests.adapters.langchain.ways import WAYS, Way, hear
from tests.fakes.upstream_server import JSON, UpstreamServer, answering, replying, silence
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest

ways = pytest.mark.parametrize("way", WAYS)
LIST = {
    "data": [
        {"id": "a", "max_input_tokens": 100},
        {"id": "m", "max_input_tokens": 4096, "max_output_tokens": 512, "supports_function_calling": True},
    ]
}


class Upstream(UpstreamServer):
    """An upstream whose list of models is given by `list_models`."""

    def __init__(self) -> None:
        self.list_models: Behaviour = replying(json.dumps(LIST).encode())
        super().__init__(self._behave)

    def _behave(self, connection: WireConnection, request: WireRequest) -> None:
        (self.list_models if request.method == "GET" else answering)(connection, request)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def env_file(upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".env"
    path.write_text(upstream.env_text(LLM_MODELS_API_URL=f"{upstream.api_url}/models"), encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("OCA_ENV_FILE", str(path))
    return path


def add(env_file: Path, **settings: object) -> None:
    with env_file.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}='{value}'\n" for name, value in settings.items())


def eventually(condition: Any) -> bool:
    """Whether it holds soon; what happens in another thread gives no sign."""
    waiting = threading.Event()
    return any(condition() or waiting.wait(0.01) for _ in range(500))


def test_making_a_model_sends_nothing(upstream: Upstream, env_file: Path) -> None:
    model = OCAChatModel()
    OCAChatModel(token_manager=OCAOauth2TokenManager(env_file), temperature=0.5)
    model.bind_tools([]).with_config(tags=["x"])
    assert (model.model, model.base_url) == ("m", upstream.api_url)
    assert upstream.connections == []


def test_from_env_begins_to_fetch_the_list_and_does_not_wait_for_it(upstream: Upstream, env_file: Path) -> None:
    upstream.list_models = silence
    begun = monotonic()
    model = OCAChatModel.from_env()
    assert hear("invoke", model).message.text == "Hello"
    assert monotonic() - begun < 1.9  # CONNECTION_TIMEOUT is 2
    upstream.wait_for_requests(2)
    assert {request.target for request in upstream.requests} == {"/v1/models", "/v1/chat/completions"}


def test_the_list_that_has_come_is_not_fetched_again_but_on_demand(upstream: Upstream, env_file: Path) -> None:
    model = OCAChatModel.from_env()
    assert model.available_models == ["a", "m"]
    assert model.available_models == ["a", "m"]
    assert len(upstream.requests) == 1
    upstream.list_models = replying(b'{"data": [{"id": "new"}]}')
    assert model.available_models == ["a", "m"]
    assert model.refresh_models() == ["new"]
    assert model.available_models == ["new"]
    assert len(upstream.requests) == 2


def test_a_model_that_was_not_made_by_from_env_fetches_the_list_when_asked(upstream: Upstream, env_file: Path) -> None:
    assert OCAChatModel().available_models == ["a", "m"]


@pytest.mark.parametrize("timeout", [0.2, 0.5])
def test_the_list_is_waited_for_at_most_as_long_as_a_connection(
    upstream: Upstream, env_file: Path, timeout: float
) -> None:
    add(env_file, CONNECTION_TIMEOUT=timeout)
    upstream.list_models = silence
    model = OCAChatModel.from_env()
    begun = monotonic()
    assert model.available_models == ["m"]
    assert monotonic() - begun < timeout + 2
    begun = monotonic()
    assert model.refresh_models() == ["m"]
    assert monotonic() - begun < 2 * timeout + 2


TROUBLES: dict[str, Behaviour] = {
    "a refusal": replying(b"no", status=403),
    "a failure": replying(b"no", status=500),
    "nonsense": replying(b"<html>"),
    "an empty list": replying(b'{"data": []}'),
    "a list of nonsense": replying(b'{"data": [1, null, {"name": 7}, {"id": 9}, []]}'),
    "null": replying(b"null"),
    "deep nesting": replying(b"[" * 100_000),
    "a dropped connection": lambda connection, _request: connection.reset(),
    "a redirect": replying(b"", status=302, headers=(*JSON, ("Location", "/elsewhere"))),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_a_list_that_cannot_be_had_is_this_model_alone(upstream: Upstream, env_file: Path, trouble: Behaviour) -> None:
    upstream.list_models = trouble
    model = OCAChatModel.from_env(model="other")
    assert model.available_models == ["other"]
    assert model.refresh_models() == ["other"]
    assert not model.profile
    assert hear("invoke", model).message.text == "Hello"


def test_without_an_address_of_the_list_nothing_is_asked(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text(upstream.env_text(), encoding="utf-8")
    model = OCAChatModel.from_env(OCAOauth2TokenManager(path))
    assert (model.available_models, model.refresh_models()) == (["m"], ["m"])
    assert upstream.requests == []


def test_a_login_that_is_dead_does_not_fail_the_list(upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        f"OAUTH_TOKEN_URL={upstream.url}/token\nOAUTH_CLIENT_ID=c\nOAUTH_REFRESH_TOKEN=dead\n"
        f"LLM_API_URL={upstream.api_url}\nLLM_MODELS_API_URL={upstream.api_url}/models\nLLM_MODEL_NAME=m\n",
        encoding="utf-8",
    )
    upstream.behaviour = replying(b'{"error": "invalid_grant"}', status=400)
    model = OCAChatModel.from_env(OCAOauth2TokenManager(path))
    assert (model.available_models, model.refresh_models()) == (["m"], ["m"])


PROFILE = {"max_input_tokens": 4096, "max_output_tokens": 512, "tool_calling": True}


def test_the_profile_appears_with_the_list(upstream: Upstream, env_file: Path) -> None:
    model = OCAChatModel.from_env()
    assert eventually(lambda: model.profile)
    assert model.profile == PROFILE
    later = OCAChatModel(token_manager=model.token_manager)
    assert later.profile == PROFILE
    assert OCAChatModel(token_manager=model.token_manager, model="a").profile == {"max_input_tokens": 100}
    assert len(upstream.requests) == 1


def test_a_profile_that_was_given_stays(upstream: Upstream, env_file: Path) -> None:
    own: Any = {"max_input_tokens": 7}
    model = OCAChatModel.from_env(profile=own)
    assert model.available_models
    assert model.profile == own
    assert model.refresh_models()
    assert model.profile == own


def test_a_crowd_at_the_list_asks_once(upstream: Upstream, env_file: Path) -> None:
    manager = OCAOauth2TokenManager.from_env()
    models = [OCAChatModel.from_env(manager) for _ in range(8)]

    def look(model: OCAChatModel) -> list[str]:
        return model.available_models

    with ThreadPoolExecutor(8) as crowd:
        assert list(crowd.map(look, models)) == [["a", "m"]] * 8
    assert len(upstream.requests) == 1


@ways
@pytest.mark.parametrize("said", [True, False])
def test_the_system_prompt_of_the_environment_is_used_only_when_it_is_set(
    upstream: Upstream, env_file: Path, way: Way, *, said: bool
) -> None:
    if said:
        add(env_file, LLM_SYSTEM_PROMPT="Be brief.")
    system = [{"role": "system", "content": "Be brief."}] if said else []
    own = {"role": "system", "content": "Be long."}
    user = {"role": "user", "content": "Hi"}
    model = OCAChatModel.from_env()
    for asked, question, sent in (
        (model, "Hi", [*system, user]),
        (model, [SystemMessage("Be long."), HumanMessage("Hi")], [own, user]),
        (model, [HumanMessage("Hi"), SystemMessage("Be long.")], [user, own]),
        (OCAChatModel.from_env(system_prompt="Be long."), "Hi", [own, user]),
        (OCAChatModel.from_env(system_prompt=None), "Hi", [user]),
        (OCAChatModel(), "Hi", [user]),
    ):
        assert hear(way, asked, question).message.text == "Hello"
        assert upstream.bodies[-1]["messages"] == sent
    hear(way, model, system_prompt=None)
    assert upstream.bodies[-1]["messages"] == [user]


@ways
def test_the_temperature_of_the_environment_is_used_only_when_it_is_set(
    upstream: Upstream, env_file: Path, way: Way
) -> None:
    hear(way, OCAChatModel.from_env())
    assert "temperature" not in upstream.bodies[-1]
    add(env_file, LLM_TEMPERATURE="0.25")
    for model, temperature in (
        (OCAChatModel.from_env(), 0.25),
        (OCAChatModel(), 0.25),
        (OCAChatModel.from_env(temperature=0), 0),
        (OCAChatModel.from_env(temperature=None), None),
    ):
        assert hear(way, model).message.text == "Hello"
        assert upstream.bodies[-1].get("temperature") == temperature


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OCA_ENV_FILE", raising=False)
    for make in (OCAChatModel.from_env, OCAChatModel):
        with pytest.raises(ConfigurationError, match="OAUTH_CLIENT_ID"):
            make()
    with pytest.raises(ValueError, match="LLM_MODEL_NAME") as caught:
        OCAChatModel(api_key="sk-0123456789", base_url="http://127.0.0.1:9/v1")  # type: ignore[arg-type]
    assert "sk-0123456789" not in str(caught.value)
