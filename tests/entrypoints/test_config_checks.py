"""The tests that `oca config init` makes of an answer: what they find, and what they say to do."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from entrypoints.config_checks import Checks
from tests.entrypoints.stack import sandbox
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest, WireServer

# The port of a service that nobody runs any more.
CLOSED = "127.0.0.1:9"


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with sandbox(SystemClock()) as running:
        yield running


def answering(body: bytes, status: int = 200) -> Behaviour:
    def answer(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(body, status=status)

    return answer


@pytest.fixture
def checks() -> Checks:
    return Checks({})


def test_a_server_that_describes_itself_is_known_by_its_certificate_and_document(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)  # pyright: ignore[reportUnknownMemberType] # untyped there
    with WireServer(answering(b'{"issuer": "x"}'), tls=tls) as server:
        stranger = Checks({}).authorization_server(server.authority)
        assert (stranger.good, "EXTRA_CA_CERTS" in str(stranger.mend)) == (False, True)
        found = Checks({"EXTRA_CA_CERTS": str(tmp_path / "ca.pem")}).authorization_server(server.authority)
        assert (found.good, "describes itself" in found.words.en) == (True, True)
    with WireServer(answering(b"<html>", status=404), tls=tls) as server:
        found = Checks({"EXTRA_CA_CERTS": str(tmp_path / "ca.pem")}).authorization_server(server.authority)
        assert (found.good, "does not describe itself (status 404)" in found.words.en) == (True, True)


@pytest.mark.parametrize(
    ("status", "body", "good", "told"),
    [
        (401, b"{}", True, "status 401"),
        (404, b"{}", False, "There is nothing at that address"),
        (503, b"{}", False, "Try again later"),
        (200, b"<html>", False, "A login page or a proxy"),
    ],
)
def test_the_api_may_refuse_but_must_be_there(checks: Checks, status: int, body: bytes, good: bool, told: str) -> None:
    with WireServer(answering(body, status=status)) as server:
        found = checks.api(f"{server.url}/v1")
    assert found.good is good
    assert told in f"{found.words.en} {found.mend}"
    assert server.requests[0].target == "/v1/chat/completions"


def test_the_token_endpoint_must_be_there(checks: Checks, world: Sandbox) -> None:
    assert checks.token_endpoint(world.token_endpoint).good
    assert not checks.token_endpoint(f"{world.url}/nothing").good
    assert not checks.token_endpoint(f"http://{CLOSED}/").good


@pytest.mark.parametrize(
    ("status", "body", "good", "models"),
    [
        (200, b'["a", "b"]', True, ("a", "b")),
        (403, b"", True, ()),
        (404, b"", False, ()),
        (200, b"<html>", False, ()),
    ],
)
def test_the_model_list_is_read_or_said_to_need_a_login(
    checks: Checks, status: int, body: bytes, good: bool, models: tuple[str, ...]
) -> None:
    with WireServer(answering(body, status=status)) as server:
        found = checks.models(server.url)
    assert (found.good, found.models) == (good, models)
    assert not checks.models(f"http://{CLOSED}/").good


def test_a_proxy_is_used_where_there_is_no_direct_way() -> None:
    with ProxyServer(refusal="407 Proxy Authentication Required") as proxy:
        checks = Checks({"HTTP_PROXY_URL": proxy.url})
        assert checks.proxy(proxy.authority).good
        found = checks.api("https://api.invalid/v1")
    assert not found.good
    assert "The proxy wants a login" in str(found.mend)
    assert [request.target for request in proxy.requests] == ["api.invalid:443"]
