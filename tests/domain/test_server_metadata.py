"""Discovery documents: which ones are believed, and for how long."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ConfigurationError, LoginFailedError
from domain.http import HttpResponse
from domain.server_metadata import (
    AuthorizationServer,
    Endpoints,
    RememberedServer,
    ServerMetadata,
    discovery_urls,
    is_protected,
    issuer_of_discovery,
    read_metadata,
)
from tests.fakes.world import NOON

URL = "https://as.example/.well-known/openid-configuration"
SERVER = AuthorizationServer(
    address="https://as.example",
    discovery_urls=(URL,),
    issuer="https://as.example",
    configured=Endpoints(),
    fallback=Endpoints(token="https://as.example/oauth2/v1/token", device="https://as.example/oauth2/v1/device"),
)
DOCUMENT = {
    "issuer": "https://as.example",
    "authorization_endpoint": "https://as.example/auth",
    "token_endpoint": "https://as.example/token",
}
METADATA = ServerMetadata(
    issuer="https://as.example",
    endpoints=Endpoints(authorization="https://as.example/auth", token="https://as.example/token"),
)


def read(server: AuthorizationServer = SERVER, status: int = 200, **changes: Any) -> ServerMetadata | None:
    body = json.dumps({**DOCUMENT, **changes}).encode()
    return read_metadata(HttpResponse(status=status, body=body), url=URL, server=server)


def test_a_document_of_the_expected_issuer_is_believed() -> None:
    assert read() == METADATA
    assert read(issuer="https://AS.example:443/") is not None
    named = read(authorization_response_iss_parameter_supported=True)
    assert named is not None
    assert named.names_itself


@pytest.mark.parametrize("issuer", ["https://evil.example", "https://as.example.evil", "https://as.example/tenant"])
def test_the_document_of_another_issuer_is_an_error_that_names_the_presets(issuer: str) -> None:
    with pytest.raises(ConfigurationError, match="OAUTH_PRESET=idcs") as caught:
        read(issuer=issuer)
    assert issuer in caught.value.text.zh


def test_where_the_preset_says_so_any_issuer_is_the_right_one() -> None:
    metadata = read(replace(SERVER, issuer=None), issuer="https://identity.example/")
    assert metadata is not None
    assert metadata.issuer == "https://identity.example/"


@pytest.mark.parametrize(
    "endpoint", ["http://as.example/token", "ftp://as.example/t", "https://user@as.example/t", "token", "https://[x/t"]
)
def test_no_login_is_sent_to_an_endpoint_without_tls(endpoint: str) -> None:
    with pytest.raises(LoginFailedError, match="without TLS"):
        read(token_endpoint=endpoint)


def test_loopback_needs_no_tls() -> None:
    assert is_protected("http://127.0.0.1:8080/token")
    assert is_protected("http://localhost/token")
    assert not is_protected("http://127.0.0.1.example/token")
    assert not is_protected("https://as.example:port/")
    assert not is_protected("https://as.example/\x00")


@given(st.binary())
def test_what_is_no_document_is_none(body: bytes) -> None:
    assert read_metadata(HttpResponse(status=200, body=body), url=URL, server=SERVER) is None


def test_an_error_and_a_document_without_issuer_are_none() -> None:
    assert read(status=404) is None
    assert read(issuer="") is None


def test_settings_come_before_the_document_and_the_document_before_the_presets_paths() -> None:
    server = replace(SERVER, configured=Endpoints(revocation="https://as.example/mine"))
    endpoints = server.endpoints(METADATA)
    assert endpoints.token == "https://as.example/token"
    assert endpoints.device == "https://as.example/oauth2/v1/device"
    assert endpoints.revocation == "https://as.example/mine"
    assert server.endpoints(None).token == "https://as.example/oauth2/v1/token"


@pytest.mark.parametrize(
    ("memory", "age", "suffices"),
    [
        (RememberedServer(metadata=METADATA, source=URL), timedelta(hours=23), True),
        (RememberedServer(metadata=METADATA, source=URL), timedelta(hours=25), False),
        (RememberedServer(source=URL), timedelta(minutes=4), True),
        (RememberedServer(source=URL), timedelta(minutes=6), False),
        (RememberedServer(metadata=METADATA, source="https://other.example/"), timedelta(0), False),
        (RememberedServer(metadata=METADATA, source=URL), timedelta(hours=-2), False),
        (
            RememberedServer(metadata=replace(METADATA, issuer="https://identity.example"), source=URL),
            timedelta(0),
            False,
        ),
    ],
)
def test_a_success_is_known_for_a_day_and_a_failure_for_minutes(
    memory: RememberedServer, age: timedelta, suffices: bool
) -> None:
    assert replace(memory, asked_at=NOON - age).answers_for(SERVER, NOON) is suffices
    assert not memory.answers_for(SERVER, NOON)


def test_an_issuer_with_a_path_has_its_documents_where_the_standards_say() -> None:
    urls = discovery_urls("https://kc.example/realms/x/")
    assert urls == (
        "https://kc.example/realms/x/.well-known/openid-configuration",
        "https://kc.example/.well-known/oauth-authorization-server/realms/x",
    )
    assert {issuer_of_discovery(url) for url in urls} == {"https://kc.example/realms/x"}
    assert issuer_of_discovery("https://kc.example/metadata.json") is None
