"""An error in the words of a terminal."""

import pytest

from domain.errors import LoginRequiredError, UpstreamStatusError
from domain.words import Text
from entrypoints.error_words import error_told

JSON = ("Content-Type", "application/json")


def test_our_own_errors_are_told_as_they_are() -> None:
    text = Text("Log in.", "请登录。")
    assert error_told(LoginRequiredError(text)) == text


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "No such thing", "code": 1}}',
        b'{"code": "BadThing", "message": "No such thing"}',
        b"<html><body>No such thing</body></html>",
    ],
)
def test_the_upstreams_words_and_its_request_id_go_with_its_status(body: bytes) -> None:
    error = UpstreamStatusError(status=404, headers=(JSON, ("OPC-Request-Id", "abc/1")), body=body)
    told = error_told(error)
    assert told.en.startswith("The upstream answered with status 404.")
    assert "No such thing" in told.en
    assert "No such thing" in told.zh
    assert told.en.endswith("(opc-request-id: abc/1)")


def test_no_secret_and_nothing_that_steers_a_terminal_comes_with_them() -> None:
    body = b'{"error": {"message": "bad \\u001b[31m token Bearer abc.def.ghi eyJhbGciOi.eyJzdWIi.x"}}'
    told = error_told(UpstreamStatusError(status=401, headers=(), body=body)).en
    assert "\x1b" not in told
    assert "abc.def" not in told
    assert "eyJ" not in told
