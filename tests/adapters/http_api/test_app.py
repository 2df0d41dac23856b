"""Models, health, guards, and errors of the router itself."""

import httpx
import pytest

from domain.chat import Model
from domain.errors import LoginRequiredError
from ports.gateway import ModelList
from tests.adapters.http_api.serving import CHAT, served
from tests.fakes.gateway import FakeGateway


def test_the_model_list_is_openais_and_an_id_may_hold_slashes() -> None:
    with served(FakeGateway()) as client:
        listed = client.get("/v1/models").json()
        assert listed["object"] == "list"
        assert [model["id"] for model in listed["data"]] == ["m1", "org/m2"]
        assert client.get("/v1/models/org%2Fm2").json()["id"] == "org/m2"
        assert client.get("/v1/models/org/m2").json()["object"] == "model"


def test_an_unknown_model_is_a_404_in_openais_shape() -> None:
    with served(FakeGateway()) as client:
        response = client.get("/v1/models/nope")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
    assert response.json()["error"]["param"] == "model"


def test_the_list_can_be_asked_for_anew_and_says_when_it_is_a_fallback() -> None:
    gateway = FakeGateway(models=ModelList(models=(Model(id="d"),), trouble="unplugged"))
    with served(gateway) as client:
        response = client.get("/v1/models?refresh=true")
        assert client.get("/v1/models?refresh=perhaps").status_code == 400
    assert gateway.refreshed == 1
    assert response.headers["x-oca-model-list"] == "fallback"


def test_health_is_about_the_process_and_readiness_about_the_login() -> None:
    gateway = FakeGateway()
    with served(gateway) as client:
        assert client.get("/readyz").json()["status"] == "ready"
        gateway.login_trouble = LoginRequiredError("do this")
        response = client.get("/readyz")
        assert (response.status_code, response.json()["checks"]["token"]) == (503, "do this")
        assert client.get("/healthz").status_code == 200


def test_a_request_id_is_the_callers_or_a_new_one_and_is_in_every_answer() -> None:
    with served(FakeGateway()) as client:
        assert client.get("/healthz", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
        assert client.get("/nope").headers["x-request-id"].startswith("req_")
        forged = client.get("/healthz", headers={"x-request-id": "a b\tc"}).headers["x-request-id"]
        assert forged.startswith("req_")


def test_an_unknown_address_or_method_is_said_in_openais_shape() -> None:
    with served(FakeGateway()) as client:
        unknown = client.get("/chat/completions")
        wrong = client.get("/v1/chat/completions")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_url")
    assert "/v1" in unknown.json()["error"]["message"]
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8000"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "["},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": "http://127.0.0.1.evil.example"},
        {"sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/chat/completions"), ("GET", "/v1/models")])
def test_a_web_page_that_reaches_for_localhost_is_refused(headers: dict[str, str], method: str, path: str) -> None:
    gateway = FakeGateway()
    with served(gateway) as client:
        response = client.request(method, path, json=CHAT, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden_origin")
    assert gateway.relayed == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:8000"},
        {"host": "[::1]:8000"},
        {"host": "LOCALHOST"},
        {"origin": "http://localhost:3000"},
        {"origin": "app://obsidian.md"},
        {"origin": "vscode-file://vscode-app"},
    ],
)
def test_programs_of_this_machine_may_call(headers: dict[str, str]) -> None:
    with served(FakeGateway()) as client:
        assert client.post("/v1/chat/completions", json=CHAT, headers=headers).status_code == 200


def test_an_allowed_origin_may_call_and_is_told_so_and_others_are_not() -> None:
    with served(FakeGateway(), allowed_origins=("https://chat.example",)) as client:
        preflight = client.options(
            "/v1/chat/completions",
            headers={"origin": "https://chat.example", "access-control-request-method": "POST"},
        )
        assert preflight.headers["access-control-allow-origin"] == "https://chat.example"
        assert client.post("/v1/chat/completions", json=CHAT, headers={"origin": "https://evil.example"}).is_error
    with served(FakeGateway()) as client:
        local = client.post("/v1/chat/completions", json=CHAT, headers={"origin": "http://localhost:3000"})
        assert "access-control-allow-origin" not in local.headers


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer k1", 200),
        ("bearer k2", 200),
        ("Bearer k3", 401),
        ("Bearer k1x", 401),
        ("Bearer \xff", 401),
        ("Basic k1", 401),
        ("", 401),
    ],
)
def test_with_keys_set_v1_demands_one_of_them(authorization: str, status: int) -> None:
    with served(FakeGateway(), api_keys=("k1", "k2")) as client:
        raw = httpx.Headers([(b"authorization", authorization.encode("latin-1"))])
        response = client.get("/v1/models", headers=raw)
        assert response.status_code == status
        if status == 401:
            assert response.json()["error"]["code"] == "invalid_api_key"
            assert response.headers["www-authenticate"] == "Bearer"
        assert client.get("/healthz").status_code == 200, "supervisors have no key"


def test_with_keys_set_other_names_are_served() -> None:
    with served(FakeGateway(), api_keys=("k1",)) as client:
        headers = {"host": "gateway.corp.example", "authorization": "Bearer k1"}
        assert client.get("/v1/models", headers=headers).status_code == 200


def test_the_relays_routes_are_in_the_openapi_document() -> None:
    with served(FakeGateway()) as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/models", "/readyz"} <= set(paths)
