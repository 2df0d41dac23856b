"""In which language a caller is told of an error."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http_api.app import build_app
from adapters.http_api.fields import Fields
from adapters.http_api.language import language_of
from adapters.http_api.options import ServerOptions
from domain.errors import LoginRequiredError
from domain.words import Language, Text
from tests.fakes.gateway import FakeGateway

EN, ZH = Language.ENGLISH, Language.CHINESE


def chosen(accepted: str | None, default: Language = EN) -> Language:
    return language_of(Fields({} if accepted is None else {b"accept-language": accepted.encode()}), default)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh", ZH),
        ("zh-CN,zh;q=0.9,en;q=0.8", ZH),
        ("en-US,en;q=0.9,zh;q=0.8", EN),
        ("en;q=0.1, zh;q=0.2", ZH),
        ("en, zh", EN),
        ("zh, en", ZH),
        ("fr, zh;q=0.3", ZH),
        ("zh;q=0, en;q=0.1", EN),
        ("ZH-hans", ZH),
        ("zh;q=x, en;q=0.1", EN),
        ("zh ; q=1.0", ZH),
    ],
)
def test_the_weightiest_language_that_is_spoken_here_counts(accepted: str, language: Language) -> None:
    assert chosen(accepted) is language
    assert chosen(accepted, ZH) is language


@pytest.mark.parametrize("accepted", [None, "", "*", "fr", "zh;q=0", ",;,"])
@pytest.mark.parametrize("default", [EN, ZH])
def test_without_one_the_operators_counts(accepted: str | None, default: Language) -> None:
    assert chosen(accepted, default) is default


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255)))
def test_whatever_a_caller_sends_is_some_language(accepted: str) -> None:
    assert language_of(Fields({b"accept-language": accepted.encode("latin-1")}), EN) in Language


@pytest.mark.parametrize(("asked", "told"), [({}, "请登录。"), ({"Accept-Language": "en"}, "Log in.")])
async def test_errors_of_every_route_are_in_it(asked: dict[str, str], told: str) -> None:
    gateway = FakeGateway()
    gateway.login_trouble = LoginRequiredError(Text("Log in.", "请登录。"))
    options = ServerOptions(default_model="m1", language=ZH)

    async def aclose() -> None:
        pass

    transport = httpx.ASGITransport(build_app(gateway, options, version="0", aclose=aclose))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=asked) as client:
        ready = await client.get("/readyz")
        missing = await client.get("/v1/models/m9")
        nowhere = await client.get("/nowhere")
        foreign = await client.get("/v1/models", headers={"Origin": "https://evil.example"})
        broken = await client.post("/v1/chat/completions", content=b"{")
    assert ready.json()["checks"]["token"] == told
    chinese = [
        any("\u4e00" <= char <= "\u9fff" for char in json.loads(answer.content)["error"]["message"])
        for answer in (missing, nowhere, foreign, broken)
    ]
    assert chinese == [not asked] * 4
    assert [answer.status_code for answer in (missing, nowhere, foreign, broken)] == [404, 404, 403, 400]
