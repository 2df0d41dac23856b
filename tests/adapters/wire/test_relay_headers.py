"""Which header fields travel, and which come back."""

import pytest

from adapters.wire.relay_headers import forwarded_request_headers, returned_answer_headers


@pytest.mark.parametrize(
    "name",
    ["Authorization", "X-Api-Key", "api-key", "x-goog-api-key", "Cookie", "Host", "Origin", "Sec-Fetch-Site", "TE"],
)
def test_a_callers_credentials_and_browser_state_stay_here(name: str) -> None:
    assert forwarded_request_headers(((name, "x"),)) == (("accept-encoding", "identity"),)


def test_what_any_connection_field_names_is_for_one_hop() -> None:
    headers = (
        ("Connection", "keep-alive"),
        ("X-Hop", "1"),
        ("connection", "X-Hop , x-other"),
        ("X-Other", "2"),
        ("X-Own", "3"),
    )
    assert forwarded_request_headers(headers) == (("X-Own", "3"), ("accept-encoding", "identity"))


@pytest.mark.parametrize(
    "name", ["Set-Cookie", "Authorization", "X-Api-Key", "Content-Length", "Server", "Access-Control-Allow-Origin"]
)
def test_what_is_between_us_and_the_upstream_does_not_come_back(name: str) -> None:
    assert returned_answer_headers(((name, "x"), ("Retry-After", "3"))) == (("retry-after", "3"),)


def test_the_upstreams_request_id_comes_back_under_another_name() -> None:
    assert returned_answer_headers((("X-Request-Id", "theirs"),)) == (("x-upstream-request-id", "theirs"),)
