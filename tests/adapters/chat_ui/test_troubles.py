import json
from datetime import timedelta

import pytest

from adapters.chat_ui.troubles import readable, trouble_of
from domain.conversation import TroubleKind
from domain.errors import (
    LoginRequiredError,
    StreamInterruptedError,
    TokenEndpointError,
    TokenEndpointUnavailableError,
    TokenError,
    TokenStoreError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRejectedTokenError,
    UpstreamStatusError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "No such model", "code": 7}}', "No such model"),
        (b'{"error": "overloaded"}', "overloaded"),
        (b'{"message": "quota"}', "quota"),
        (b'{"code": 12, "msg": "quota"}', "quota"),
        (b'{"detail": [{"loc": ["body"], "msg": "field required"}]}', "field required"),
        (b'[{"error": {"message": "in a list"}}]', "in a list"),
        (b'{"unknown": 1}', '{"unknown": 1}'),
        (b"  busy\n now ", "busy now"),
        ("忙".encode(), "忙"),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (
            b"<!--x--><html><title>502 Bad Gateway</title><style>b{}</style><script>a('<1>')</script><h1>Sorry &amp; x",
            "502 Bad Gateway Sorry & x",
        ),
    ],
)
def test_the_message_is_found_in_any_usual_error_body(body: bytes, message: str) -> None:
    assert readable(body) == message


def test_a_long_message_is_cut() -> None:
    assert len(readable(json.dumps({"error": {"message": "x" * 10_000}}).encode())) < 700


def test_deep_nonsense_is_read_without_harm() -> None:
    assert readable(b"[" * 100_000)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (LoginRequiredError("why"), TroubleKind.LOGIN_REQUIRED),
        (TokenEndpointError("why", error="invalid_client"), TroubleKind.LOGIN_MISCONFIGURED),
        (TokenEndpointUnavailableError("why"), TroubleKind.LOGIN_UNAVAILABLE),
        (TokenStoreError("why"), TroubleKind.LOGIN_STORE),
        (TokenError("why"), TroubleKind.LOGIN_UNAVAILABLE),
        (UpstreamUnreachableError("why"), TroubleKind.UNREACHABLE),
        (UpstreamTimeoutError("why"), TroubleKind.TIMEOUT),
        (UpstreamProtocolError("why"), TroubleKind.NOT_UNDERSTOOD),
        (UpstreamRejectedTokenError("why"), TroubleKind.TOKEN_REJECTED),
        (StreamInterruptedError("why"), TroubleKind.INTERRUPTED),
        (UpstreamError("why"), TroubleKind.UPSTREAM_FAILING),
    ],
)
def test_every_error_has_its_kind_and_keeps_its_words(error: TokenError | UpstreamError, kind: TroubleKind) -> None:
    trouble = trouble_of(error)
    assert (trouble.kind, trouble.detail) == (kind, "why")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, TroubleKind.BAD_REQUEST),
        (401, TroubleKind.NOT_ALLOWED),
        (403, TroubleKind.NOT_ALLOWED),
        (404, TroubleKind.NOT_FOUND),
        (413, TroubleKind.TOO_LARGE),
        (422, TroubleKind.BAD_REQUEST),
        (429, TroubleKind.TOO_MANY_REQUESTS),
        (500, TroubleKind.UPSTREAM_FAILING),
        (504, TroubleKind.TIMEOUT),
    ],
)
def test_a_status_decides_the_next_step(status: int, kind: TroubleKind) -> None:
    trouble = trouble_of(UpstreamStatusError(status=status, headers=(), body=b"no"))
    assert (trouble.kind, trouble.status, trouble.detail) == (kind, status, "no")


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("soon", None),
        ("-1", None),
        ("9" * 400, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_the_wait_that_the_upstream_asks_for_is_kept_when_it_is_in_seconds(header: str, wait: timedelta | None) -> None:
    error = UpstreamStatusError(status=429, headers=(("Retry-After", header),), body=b"")
    assert trouble_of(error).retry_after == wait


def test_the_wait_of_a_token_error_is_kept() -> None:
    error = TokenEndpointUnavailableError("why", retry_after=timedelta(seconds=3))
    assert trouble_of(error).retry_after == timedelta(seconds=3)
