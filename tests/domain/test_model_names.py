"""A model that nobody knows: when an upstream says so, and which names come near."""

import pytest

from domain.errors import ModelNotFoundError
from domain.model_names import asked_model, means_unknown_model, nearest_names

KNOWN = ("openai/gpt-4o", "openai/gpt-4o-mini", "qwen-plus", "Llama-3")


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("gpt4o", "openai/gpt-4o"),
        ("QWEN-PLUSS", "qwen-plus"),
        ("llama3", "Llama-3"),
        ("qwen", "qwen-plus"),
    ],
)
def test_the_nearest_name_comes_first(asked: str, nearest: str) -> None:
    assert nearest_names(asked, KNOWN)[0] == nearest


def test_what_comes_near_nothing_has_no_names() -> None:
    assert nearest_names("zzzzzz", KNOWN) == ()
    assert nearest_names("", KNOWN) == ()
    assert nearest_names("gpt-4o", ()) == ()


def test_the_error_names_them_in_every_language() -> None:
    text = ModelNotFoundError("gpt4o", known=KNOWN).text
    assert "Did you mean openai/gpt-4o" in text.en
    assert "您要的是不是 openai/gpt-4o" in text.zh
    assert "Did you mean" not in ModelNotFoundError("gpt4o").text.en


@pytest.mark.parametrize(
    ("status", "body", "unknown"),
    [
        (404, b'{"error": {"code": "model_not_found", "message": "x"}}', True),
        (400, b'{"error": {"message": "Unknown model: m"}}', True),
        (404, b'{"message": "The model m does not exist"}', True),
        (404, b'{"detail": "Not Found"}', False),
        (404, b"<html>404</html>", False),
        (404, b"[1]", False),
        (500, b'{"error": {"code": "model_not_found"}}', False),
        (400, b'{"error": {"message": "model is required"}}', False),
    ],
)
def test_an_unknown_model_is_told_from_an_unknown_address(status: int, body: bytes, unknown: bool) -> None:
    assert means_unknown_model(status, body) is unknown


@pytest.mark.parametrize(("body", "model"), [(b'{"model": "m"}', "m"), (b'{"model": 1}', ""), (b"[]", ""), (b"x", "")])
def test_the_model_asked_for_stands_in_the_body(body: bytes, model: str) -> None:
    assert asked_model(body) == model
