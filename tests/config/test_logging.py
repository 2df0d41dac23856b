"""Log lines: one form, and no secret in any of them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config.logging import configure_logging, line_writer, redact
from domain.redaction import MASK

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.~+/=", min_size=8, max_size=60)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@given(TOKEN)
def test_a_bearer_token_in_any_text_is_masked(token: str) -> None:
    assert redact(f"header Authorization: Bearer {token} sent") == f"header Authorization: Bearer {MASK} sent"


@pytest.mark.parametrize(
    "text",
    [
        JWT,
        f"token={JWT};",
        "http://user:s3cretpassword@proxy.example:3128/x",
        "grant_type=refresh_token&refresh_token=s3cretpassword&client_id=x",
        '{"access_token": "s3cretpassword", "x": 1}',
        "client_secret=s3cretpassword",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    masked = str(redact(text))
    assert MASK in masked
    assert "s3cretpassword" not in masked
    assert JWT not in masked


@pytest.mark.parametrize(
    "name", ["authorization", "Authorization", "access_token", "OAUTH_REFRESH_TOKEN", "api_key", "Cookie", "password"]
)
def test_what_stands_under_a_secrets_name_is_masked_however_deep(name: str) -> None:
    assert redact({"a": [{name: "x"}]}) == {"a": [{name: MASK}]}


@pytest.mark.parametrize("value", ["tokens in: 12", {"max_tokens": 5}, {"refresh_token_fingerprint": "ab"}, 7, None])
def test_what_is_no_secret_stays_readable(value: object) -> None:
    assert redact(value) == value


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_our_lines_and_those_of_libraries_have_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.stdlib.get_logger("oca").info("hello", access_token="x", why="你好")
    logging.getLogger("uvicorn.error").warning("Bearer %s", "abcdefghijkl")
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["request_id"], ours["access_token"], ours["why"]) == ("hello", "r1", MASK, "你好")
    assert (theirs["event"], theirs["level"]) == (f"Bearer {MASK}", "warning")
    assert ours["timestamp"].endswith("Z")


def test_a_traceback_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    try:
        int(f"bad header Bearer {JWT}")
    except ValueError:
        structlog.stdlib.get_logger("oca").exception("failed")
    assert JWT not in json.dumps(lines(capsys))


def test_the_level_is_kept_and_chatty_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING", "json")
    structlog.stdlib.get_logger("oca").info("not shown")
    logging.getLogger("httpcore.connection").warning("shown")
    configure_logging("DEBUG", "json")
    logging.getLogger("httpcore.connection").debug("not shown either")
    assert [line["event"] for line in lines(capsys)] == ["shown"]


def test_the_console_form_is_for_eyes(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "console")
    structlog.stdlib.get_logger("oca").info("hello", count=3)
    text = capsys.readouterr().err
    assert "hello" in text
    assert "count=3" in text


def test_a_line_made_in_one_step_is_the_one_that_its_logger_makes(capsys: pytest.CaptureFixture[str]) -> None:
    values: dict[str, Any] = {
        "path": "/x",
        "status": 200,
        "took_ms": 1.5,
        "api_key": "k",
        "why": f"Bearer {JWT}",
        "a": None,
    }
    configure_logging("INFO", "json")
    structlog.stdlib.get_logger("oca").info("hello", **values)
    line_writer("oca")("hello", **values)
    usual, quick = lines(capsys)
    assert usual.pop("timestamp")[:-8] == quick.pop("timestamp")[:-8]
    assert usual == quick
    assert (quick["api_key"], quick["why"]) == (MASK, f"Bearer {MASK}")


def test_such_a_line_keeps_to_the_level_and_to_the_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("WARNING", "json")
    line_writer("oca")("not shown")
    configure_logging("INFO", "console")
    line_writer("oca")("shown", count=3)
    text = capsys.readouterr().err
    assert "not shown" not in text
    assert "count=3" in text


def test_what_is_no_json_does_not_cost_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    structlog.stdlib.get_logger("oca").info("odd", half="\ud800", huge=10**400, thing={1, 2}, other=object)
    (line,) = lines(capsys)
    assert (line["half"], line["thing"]) == ("\ud800", [1, 2])


def test_a_librarys_own_logger_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", "json")
    log: Any = structlog.wrap_logger(logging.getLogger("oca.token"))
    log.info("hello", refresh_token="x")
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["level"], line["refresh_token"]) == ("hello", "oca.token", "info", MASK)
