"""Whose login it is: the claims of an ID token that came from the token endpoint."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import LoginFailedError
from domain.id_token import id_token_in, read_id_token
from domain.server_metadata import Person
from tests.fakes.world import NOON

GOOD: dict[str, Any] = {
    "iss": "https://as.example",
    "sub": "u1",
    "aud": "client",
    "exp": (NOON + timedelta(minutes=5)).timestamp(),
    "nonce": "n",
}


def id_token(**changes: Any) -> str:
    claims = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


def person_of(token: str, *, issuer: str | None = "https://as.example", nonce: str | None = "n") -> Person:
    return read_id_token(token, issuer=issuer, client_id="client", nonce=nonce, now=NOON)


def test_the_person_is_named_by_what_the_token_says() -> None:
    assert str(person_of(id_token())) == "u1"
    ada = person_of(id_token(preferred_username="ada", email="ada@example.com"))
    assert (ada.subject, str(ada)) == ("u1", "ada <ada@example.com>")
    assert str(person_of(id_token(name="Ada Lovelace"))) == "Ada Lovelace"
    assert str(person_of(id_token(email="ada@example.com"))) == "ada@example.com"


def test_what_could_steer_a_terminal_is_not_shown() -> None:
    assert person_of(id_token(preferred_username="a\x1b[2J\nb")).name == "a [2J b"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://evil.example"}, "by https://evil.example, and not by"),
        ({"iss": None}, "by nobody"),
        ({"aud": "another"}, "another client"),
        ({"aud": ["another"]}, "another client"),
        ({"aud": None}, "another client"),
        ({"aud": ["client", "b"], "azp": "b"}, "another client"),
        ({"nonce": "m"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": (NOON - timedelta(minutes=2)).timestamp()}, "expired"),
        ({"exp": "soon"}, "expired"),
        ({"exp": 1e300}, "expired"),
        ({"exp": None}, "expired"),
        ({"sub": ""}, "names nobody"),
    ],
)
def test_each_wrong_claim_ends_the_login(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(LoginFailedError, match=why) as caught:
        person_of(id_token(**changes))
    assert "ID 令牌无效" in caught.value.text.zh


def test_a_slash_at_the_issuers_end_an_audience_of_several_and_an_unknown_issuer_are_taken() -> None:
    taken = [
        person_of(id_token(iss="https://as.example/")),
        person_of(id_token(aud=["b", "client"], azp="client")),
        person_of(id_token(iss="whoever"), issuer=None),
        person_of(id_token(nonce=None), nonce=None),
    ]
    assert {person.subject for person in taken} == {"u1"}


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c.d.e", "a.é.c", "a.!!!.c", "a.AAAAA.c", "a.e30.c"])
def test_what_only_looks_like_a_token_is_refused_in_words(token: str) -> None:
    with pytest.raises(LoginFailedError):
        person_of(token)


@given(st.text())
def test_what_is_no_token_is_refused_in_words(text: str) -> None:
    with pytest.raises(LoginFailedError):
        person_of(text)


def test_an_answer_need_not_hold_one() -> None:
    assert id_token_in(b'{"id_token": "a.b.c"}') == "a.b.c"
    assert id_token_in(b'{"id_token": 5}') is None
    assert id_token_in(b"<html>") is None
