"""Each failure has its own message and next step: on the command line, in JSON and on the page, in each language."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from typer.testing import CliRunner

from adapters.chat_ui.texts import CATALOGUE
from adapters.http_api.errors import answer_of
from config.container import build_container
from config.settings import load_settings
from domain.chat import ChatRequest, Message, TextPart
from domain.errors import ConfigurationError, OCAError, TokenError, UpstreamError
from domain.events import StreamEvent
from domain.words import Language
from entrypoints.api import create_app
from entrypoints.cli import app
from tests.adapters.chat_ui.page_driver import Page
from tests.entrypoints.failure_scenes import SCENES, Place, Scene
from tests.fakes.chat_gateway import FakeChatGateway, Script

LANGUAGES = [Language.ENGLISH, Language.CHINESE]
every_scene = pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
every_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.value)
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}
SECRETS = ("sk-unchanging-key", "s3cret")


@pytest.fixture(autouse=True)
def nothing_of_the_tester(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No account and no language of the tester's, and the log as it was."""
    for key in ("OCA_LANG", "OCA_ENV_FILE", "LC_ALL", "LC_MESSAGES", "LANG", "HTTP_PROXY_URL", "OAUTH_HOST"):
        monkeypatch.delenv(key, raising=False)
    configured, root = structlog.get_config(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**configured)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(folder=tmp_path, monkeypatch=monkeypatch)


def wanted(scene: Scene, language: Language) -> str:
    return scene.zh if language is Language.CHINESE else scene.en


def assert_told(message: str, scene: Scene, language: Language) -> None:
    assert re.search(wanted(scene, language), message, re.DOTALL), message
    assert [secret for secret in SECRETS if secret in message] == []


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `oca`."""
    result = CliRunner().invoke(app, [*words])
    return result.exit_code, result.stdout, result.stderr


@every_scene
@every_language
def test_the_command_line_tells_it_with_its_exit_code(scene: Scene, language: Language, place: Place) -> None:
    with scene.provoke(place) as env_file:
        words = ("chat", "Hello!", "--env-file", str(env_file), "--lang", language.value)
        code, said, told = run(*words, *(("-m", scene.model) if scene.model != "m" else ()))
    assert_told(told, scene, language)
    assert code == scene.exit_code
    # What has come before a break is there, and is not passed off as whole.
    assert said.strip() == scene.begins


@every_scene
@every_language
async def test_the_server_tells_it_in_json(scene: Scene, language: Language, place: Place) -> None:
    streamed = scene.begins != ""
    with scene.provoke(place) as env_file:
        container = build_container(load_settings(env_file=env_file))
        transport = httpx.ASGITransport(create_app(container))
        asked = {"Accept-Language": f"fr, {language.value};q=0.8, *;q=0.1"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=asked) as client:
            if scene.model != "m":
                await client.get("/v1/models")
            body = {**QUESTION, "model": scene.model, "stream": streamed}
            answer = await client.post("/v1/chat/completions", json=body)
        await container.asyncio_driver().aclose()
    assert answer.status_code == scene.status
    told = answer.text
    if streamed:
        assert "data: [DONE]" not in told
        told = told.strip().rpartition("data: ")[2]
    error = json.loads(told)["error"]
    assert_told(error["message"], scene, language)
    assert error["code"] == scene.code


@every_scene
@every_language
def test_the_page_tells_it_under_a_heading_of_its_own(scene: Scene, language: Language, place: Place) -> None:
    with scene.provoke(place) as env_file:
        events, error = failed(env_file, scene.model)
    assert isinstance(error, TokenError | UpstreamError)
    gateway = FakeChatGateway(Script(steps=(*events, error)) if events else Script(refusal=error))
    page = Page(gateway, lang=language.value)
    page.ask("Hello!")
    advice = CATALOGUE[language.value].advice[scene.kind]
    assert len(page.errors) == 1
    assert advice.what in page.errors[0]
    assert advice.next_step in page.errors[0]
    assert_told("\n".join(page.details), scene, language)
    assert page.answers == ([scene.begins] if scene.begins else [])


def failed(env_file: Path, model: str) -> tuple[list[StreamEvent], OCAError]:
    """What a question gets before it fails, and the error."""
    container = build_container(load_settings(env_file=env_file))
    events: list[StreamEvent] = []
    request = ChatRequest(model=model, messages=(Message(role="user", content=(TextPart(text="Hello!"),)),))
    with pytest.raises(OCAError) as caught, container.blocking_chat().stream(request) as answer:
        events.extend(answer)
    return events, caught.value


WRONG_SETTINGS = {
    "no .env": (
        None,
        r"There is no settings file .*Make one with: oca config init",
        r"设置文件 .* 不存在。可用此命令创建",
    ),
    "an empty key": (
        "LLM_API_KEY=k\nLLM_API_URL=\nLLM_MODEL_NAME=m\n",
        r"^LLM_API_URL is empty: give it a value in .*\.env",
        r"^LLM_API_URL 为空：请在 .*\.env 或环境变量中为其赋值",
    ),
    "a malformed key": (
        "LLM_API_KEY=k\nLLM_API_URL=models.example.com\nLLM_MODEL_NAME=m\n",
        r'^LLM_API_URL in .*\.env must be an address that begins with https:// .* \(it is "models\.example\.com"\)',
        r"\.env 中的 LLM_API_URL 必须是以 https://（或 http://）开头的地址（当前为“models\.example\.com”）",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_SETTINGS)
@every_language
def test_wrong_settings_are_told_before_anything_begins(wrong: str, language: Language, tmp_path: Path) -> None:
    text, en, zh = WRONG_SETTINGS[wrong]
    path = tmp_path / ".env"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    pattern = zh if language is Language.CHINESE else en
    code, said, told = run("serve", "--env-file", str(path), "--lang", language.value)
    assert (code, said) == (3, "")
    assert re.search(pattern, told, re.MULTILINE), told
    with pytest.raises(ConfigurationError) as caught:
        load_settings(env_file=path, environ={})
    answer = answer_of(caught.value, language)
    assert answer.status == 500
    assert re.search(pattern, json.loads(answer.body)["error"]["message"], re.MULTILINE)
