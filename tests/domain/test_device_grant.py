"""The device grant of RFC 8628: what the server offers, and how it is asked."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from domain.device_grant import (
    DEFAULT_INTERVAL,
    GRANT_TYPE,
    DeviceGrant,
    Pace,
    device_request,
    device_token_request,
    read_device_answer,
)
from domain.errors import LoginFailedError
from domain.http import HttpResponse
from domain.oauth2 import OAuth2Client, TokenAnswer, read_answer
from tests.fakes.world import NOON

CLIENT = OAuth2Client(token_endpoint="https://as.example/token", client_id="client")
OFFER: dict[str, Any] = {
    "device_code": "secret-device-code",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://as.example/device",
    "expires_in": 600,
}


def offered(status: int = 200, **changes: Any) -> DeviceGrant:
    document = {key: value for key, value in {**OFFER, **changes}.items() if value is not None}
    response = HttpResponse(status=status, body=json.dumps(document).encode())
    return read_device_answer(response, endpoint="https://as.example/dev", now=NOON)


def answered(error: str, status: int = 400) -> TokenAnswer:
    return read_answer(HttpResponse(status=status, body=json.dumps({"error": error}).encode()))


def test_the_request_names_client_and_scope_and_what_oracle_wants_besides() -> None:
    request = device_request(CLIENT, "https://as.example/dev", scope="openid", response_type=None)
    assert request.url == "https://as.example/dev"
    assert parse_qs(request.body.decode()) == {"client_id": ["client"], "scope": ["openid"]}
    idcs = device_request(CLIENT, "https://as.example/dev", scope="openid", response_type="device_code")
    assert parse_qs(idcs.body.decode())["response_type"] == ["device_code"]


def test_it_is_asked_at_the_token_endpoint_with_the_device_code() -> None:
    request = device_token_request(CLIENT, offered())
    assert request.url == "https://as.example/token"
    form = parse_qs(request.body.decode())
    assert (form["grant_type"], form["device_code"]) == ([GRANT_TYPE], ["secret-device-code"])
    assert "secret-device-code" not in repr(offered())


def test_what_the_server_leaves_out_has_the_values_of_the_standard() -> None:
    grant = offered()
    assert (grant.interval, grant.verification_uri_complete) == (DEFAULT_INTERVAL, None)
    assert grant.expires_at == NOON + timedelta(minutes=10)
    assert offered(expires_in=None).expires_at == NOON + timedelta(minutes=10)
    assert offered(verification_uri=None, verification_url="https://a.example/d").verification_uri


@pytest.mark.parametrize(
    ("interval", "seconds"), [(7, 7), ("3", 3), (0.01, 1), (1e6, 60), (True, 5), (-1, 5), ("x", 5), (1e12, 5)]
)
def test_an_interval_is_obeyed_as_far_as_it_makes_sense(interval: Any, seconds: float) -> None:
    assert offered(interval=interval).interval == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        (200, {"device_code": None}),
        (200, {"user_code": "\x1b"}),
        (200, {"verification_uri": "http://as.example/device"}),
        (200, {"verification_uri": None}),
        (400, {"error": "unauthorized_client", "error_description": "no\x1bt you"}),
        (404, {}),
    ],
)
def test_an_offer_that_is_none_says_what_to_check(status: int, changes: dict[str, Any]) -> None:
    with pytest.raises(LoginFailedError, match="oca login --paste") as caught:
        offered(status, **changes)
    assert "\x1b" not in str(caught.value)
    assert f"状态码 {status}" in caught.value.text.zh


def test_an_address_without_tls_is_not_shown_as_the_short_way() -> None:
    assert offered(verification_uri_complete="http://as.example/?c=1").verification_uri_complete is None
    assert offered(verification_uri_complete="https://as.example/?c=1").verification_uri_complete


def test_waiting_goes_on_as_the_server_says() -> None:
    pace = Pace(interval=timedelta(seconds=1), wait=timedelta(seconds=1))
    assert pace.after(answered("authorization_pending")) == pace
    assert pace.after(answered("slow_down")) == Pace(interval=timedelta(seconds=6), wait=timedelta(seconds=6))
    away = pace.after(None)
    assert away == Pace(interval=timedelta(seconds=1), wait=timedelta(seconds=2))
    assert away is not None
    assert pace.after(answered("temporarily_unavailable", 503)) == away
    assert away.after(answered("authorization_pending")) == pace
    slow = Pace(interval=timedelta(seconds=1), wait=timedelta(seconds=50)).after(None)
    assert slow is not None
    assert slow.wait == timedelta(minutes=1)


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_grant", "invalid_client"])
def test_the_last_answer_ends_the_wait(error: str) -> None:
    assert Pace.of(offered()).after(answered(error)) is None
