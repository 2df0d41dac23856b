"""OpenAI's error object, and the many shapes that become it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.openai_errors import encode_error, error_type, reshape_upstream_error

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl-_x"
PAGE = """<!DOCTYPE html><html><head><title>502 Bad
 Gateway</title><style>a{}</style><script>if (a<b) alert('<title>no</title>')</script></head><!-- hidden <p>too</p> -->
<body><h1>502 Bad Gateway</h1><p>nginx &amp; co</p></body></html>"""


def reshape(body: bytes, *, status: int = 502, content_type: str | None = "application/json") -> dict[str, str | None]:
    document = json.loads(reshape_upstream_error(status, content_type, body))
    assert list(document) == ["error"]
    error: dict[str, str | None] = document["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_an_error_is_written_in_utf8_on_one_line() -> None:
    body = encode_error("坏\u2028了\n", type="server_error", code="x")
    assert "坏\\u2028了\\n".encode() in body
    assert json.loads(body) == {
        "error": {"message": "坏\u2028了\n", "type": "server_error", "param": None, "code": "x"}
    }
    assert json.loads(encode_error("\ud800", type="t"))["error"]["message"] == "?"


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message":"m","type":"t","param":null,"code":"c","extra":[1.0]}}',
        b' {"error":{"message":"Bearer abcdefghijklmnop","code":429},"code":"X","message":"outer"}\n',
        '{"error":{"message":"坏"}}'.encode(),
    ],
)
def test_openais_own_shape_is_kept_byte_for_byte(body: bytes) -> None:
    assert reshape_upstream_error(500, "application/json", body) == body
    assert reshape_upstream_error(500, None, b"\xef\xbb\xbf" + body) == body


@pytest.mark.parametrize(
    ("body", "message", "code", "param"),
    [
        ({"error": "no model"}, "no model", None, None),
        ({"code": "InvalidParameter", "message": "bad"}, "bad", "InvalidParameter", None),
        ({"code": 404, "message": "gone"}, "gone", "404", None),
        ({"message": "bad"}, "bad", None, None),
        ({"detail": "Not Found"}, "Not Found", None, None),
        ({"detail": {"message": "bad", "code": "c"}}, "bad", "c", None),
        (
            {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "Field required", "type": "missing"}]},
            "messages[0].role: Field required",
            None,
            "messages[0].role",
        ),
        ({"error": {"code": "c", "param": "p"}, "message": "outer"}, "outer", "c", "p"),
        ({"error": {"detail": "in"}, "message": "out", "code": "o"}, "in: out", "o", None),
        (
            {"error": "Internal Server Error", "message": "boom", "status": 500},
            "Internal Server Error: boom",
            None,
            None,
        ),
        ({"error": "invalid_token", "error_description": "expired"}, "invalid_token: expired", "invalid_token", None),
        ({"errors": ["a", {"message": "b", "code": "c"}]}, "a; b", None, None),
        ({"errors": [{"message": "b", "code": "c"}]}, "b", "c", None),
        ({"type": "https://example.com/quota", "title": "Quota", "detail": "Used up."}, "Quota: Used up.", None, None),
        ({"object": "error", "message": "bad", "code": 400}, "bad", "400", None),
        ([{"error": {"code": 429, "message": "slow down", "status": "X"}}], "slow down", "429", None),
        (["a", "b"], "a; b", None, None),
        ("just text", "just text", None, None),
        ({"weird": 1}, '{"weird": 1}', None, None),
        ({"error": True, "message": "x", "code": True}, "x", None, None),
        ([1, 2], "[1, 2]", None, None),
    ],
)
def test_every_json_shape_keeps_its_words_and_its_code(
    body: object, message: str, code: str | None, param: str | None
) -> None:
    error = reshape(json.dumps(body).encode())
    assert (error["message"], error["code"], error["param"]) == (message, code, param)


@pytest.mark.parametrize("body", [b"", b"  \n", b"null", b"{}", b'""'])
def test_an_answer_without_words_is_told_by_its_status(body: bytes) -> None:
    assert "503" in str(reshape(body, status=503)["message"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (413, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_the_type_follows_the_status(status: int, kind: str) -> None:
    assert error_type(status) == kind
    assert reshape(b"oh", status=status, content_type=None)["type"] == kind


def test_a_type_that_the_upstream_names_is_kept_and_an_address_is_not_one() -> None:
    assert reshape(b'{"error":{"type":"overloaded","msg":"x"}}')["type"] == "overloaded"
    assert reshape(b'{"type":"about:blank","title":"x"}')["type"] == "server_error"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            PAGE,
            "502 Bad Gateway nginx & co",
        ),
        ("<html><title>Blocked</title><body>Ask <b>IT</b>.", "Blocked. Ask IT ."),
        ("<HTML><BODY>oops</BODY></HTML>", "oops"),
        ("<html><title>Only a title</title></html>", "Only a title"),
    ],
)
def test_a_page_of_a_proxy_is_told_by_its_words(page: str, words: str) -> None:
    for content_type in ("text/html; charset=utf-8", None):
        message = str(reshape(page.encode(), content_type=content_type)["message"])
        assert "status 502 and an HTML page" in message
        assert message.endswith(f": {words}")


def test_a_page_without_words_and_a_cut_one_are_pages_still() -> None:
    assert str(reshape(b"<html></html>")["message"]).endswith("an HTML page instead of JSON without text.")
    assert "HTML page" in str(reshape(b"<html><!-- cut")["message"])
    assert str(reshape(b"<p>words<scr")["message"]).endswith(": words")


def test_a_huge_hostile_page_is_read_in_linear_time() -> None:
    for page in (b"<!--" * 500_000, b"<" * 2_000_000, b"<script>" * 250_000, b"<a " * 600_000, b"<!---->" * 200_000):
        assert len(str(reshape(page)["message"])) <= 2_000


def test_plain_text_is_kept_in_its_own_encoding() -> None:
    assert reshape(b"upstream connect error\r\n", content_type="text/plain")["message"] == "upstream connect error"
    assert reshape("服务忙".encode("gbk"), content_type="text/plain; charset=GBK")["message"] == "服务忙"
    assert reshape(b"caf\xe9", content_type="text/plain; charset=nonsense")["message"] == "caf\ufffd"
    assert reshape(b"\x00\x01a\x1b[31m\xff", content_type=None)["message"] == "a [31m\ufffd"


def test_an_openai_error_that_is_not_utf8_is_made_utf8() -> None:
    assert reshape(b'{"error":{"message":"caf\xe9"}}')["message"] == "caf\ufffd"


def test_a_message_is_bounded() -> None:
    message = str(reshape(json.dumps({"detail": "x" * 100_000}).encode())["message"])
    assert len(message) == 2_000
    assert message.endswith("x…")
    error = reshape(json.dumps({"error": {"code": "c" * 9_000, "msg": "m"}}).encode())
    assert len(str(error["code"])) == 200


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {JWT} is bad", "token *** is bad"),
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer ***"),
        ("got 'Bearer abc' here", "got 'Bearer ***' here"),
        ("bearer sk-live_1~2+3/4==", "bearer ***"),
        ('"Bearer": "abc.def"', '"Bearer": "***"'),
        ("Bearer token-abcdef", "Bearer ***"),
        ("access_token=abc123&x=1", "access_token=***&x=1"),
        ("the api_key: abc, no", "the api_key: ***, no"),
        ("Bearer authentication is required. A Bearer token was not sent.", None),
        ("Missing bearer token.", None),
        ('Bearer error="invalid_token"', None),
    ],
)
def test_tokens_are_masked_and_words_about_tokens_are_not(text: str, shown: str | None) -> None:
    for body in (text.encode(), json.dumps({"detail": text}).encode(), f"<p>{text}".encode()):
        assert str(reshape(body, content_type=None)["message"]).endswith(shown or text)


@given(head=st.integers(1_900, 2_010))
def test_a_token_is_masked_wherever_the_message_is_cut(head: int) -> None:
    message = str(reshape(b"x" * head + b" Bearer " + b"s3cret" * 300, content_type=None)["message"])
    assert "s3cret" not in message
    assert "s3c" not in message


@given(status=st.integers(400, 599), content_type=st.none() | st.text(max_size=20), body=st.binary(max_size=200))
def test_whatever_comes_an_openai_error_goes_out(status: int, content_type: str | None, body: bytes) -> None:
    document = json.loads(reshape_upstream_error(status, content_type, body))
    assert isinstance(document["error"]["message"], str)


def test_nesting_without_end_is_survived() -> None:
    assert reshape(b'{"error":' * 100_000)["type"] == "server_error"
    assert reshape(b'{"error":' * 300 + b'"deep"' + b"}" * 300)["message"]
