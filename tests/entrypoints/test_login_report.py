"""What a person is told of a login and of a logout."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dependency_injector import providers

from config.container import build_container
from config.settings import Need, Settings, load_settings
from domain.errors import TokenStoreError
from domain.login_flows import LoggedIn
from domain.logout_flow import LoggedOut, Revocation
from domain.server_metadata import Person
from domain.tokens import TokenSet
from domain.words import Language, Text
from entrypoints.console import Console
from entrypoints.logging_in import Way
from entrypoints.logging_out import exit_code_of, log_out, told_logout
from entrypoints.login_report import login_document, told_login
from tests.fakes.token_store import FakeTokenStore

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
LOGGED_IN = LoggedIn(
    tokens=TokenSet(refresh_token="secret-rt", access_token="secret-at", expires_at=NOW + timedelta(hours=1)),
    token_endpoint="https://as.example/token",
    person=Person(subject="u1", name="ada"),
)


def settings_of(**keys: str) -> Settings:
    environ = {"OAUTH_HOST": "as.example", "OAUTH_CLIENT_ID": "c", **keys}
    return load_settings(Need.LOGGING_IN, env_file="/home/me/.env", environ=environ)


def told(logged_in: LoggedIn, language: Language = Language.ENGLISH, **keys: str) -> str:
    return "\n".join(each.told_in(language) for each in told_login(settings_of(**keys), logged_in, NOW))


def test_who_where_and_until_when() -> None:
    words = told(LOGGED_IN)
    assert "Logged in as ada at https://as.example." in words
    assert "/home/me/.env" in words
    assert "in 1 h" in words
    assert "身份为 ada" in told(LOGGED_IN, Language.CHINESE)
    nobody = replace(LOGGED_IN, person=None, tokens=TokenSet(refresh_token="secret-rt"))
    assert told(nobody).splitlines()[0] == "Logged in at https://as.example."
    assert "secret" not in words + str(login_document(settings_of(), Way.DEVICE, LOGGED_IN))


def test_what_keeps_the_login_from_being_of_use_is_told_with_its_mend() -> None:
    trouble = TokenStoreError(Text("It could not be written.", "无法写入。"))
    assert "put OAUTH_TOKEN_URL=https://as.example/token into" in told(replace(LOGGED_IN, unremembered=trouble))
    at_home = replace(LOGGED_IN, unremembered=trouble, token_endpoint="https://as.example/oauth2/v1/token")
    assert "OAUTH_TOKEN_URL" not in told(at_home)
    assert "LLM_API_KEY is set" in told(LOGGED_IN, LLM_API_KEY="key")
    assert "time synchronization" in told(replace(LOGGED_IN, clock_skew=timedelta(minutes=9)))


def test_the_document_has_every_key() -> None:
    nobody = replace(LOGGED_IN, person=None, tokens=TokenSet(refresh_token="secret-rt"))
    document = login_document(settings_of(), Way.TOKEN, nobody)
    assert document == {
        "ok": True,
        "way": "token",
        "who": None,
        "server": "https://as.example",
        "token_endpoint": "https://as.example/token",
        "client_id": "c",
        "place": "/home/me/.env",
        "env_file": "/home/me/.env",
        "access_token_expires_at": None,
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("revocation", "code", "words"),
    [
        (Revocation.NOT_ASKED, 0, "Logged out"),
        (Revocation.REVOKED, 0, "has revoked"),
        (Revocation.REFUSED, 6, "did not revoke"),
        (Revocation.UNREACHABLE, 5, "stays in /home/me/.env"),
    ],
)
def test_a_logout_is_told_with_what_the_server_did(revocation: Revocation, code: int, words: str) -> None:
    done = LoggedOut(had_login=True, cleared=True, revocation=revocation, why=Text("status 503.", "状态码 503。"))
    assert words in "\n".join(str(each) for each in told_logout(settings_of(), done))
    assert exit_code_of(done) == code


def test_a_login_elsewhere_does_not_come_back_from_what_it_began_with(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("OAUTH_TOKEN_STORE=keyring\nOAUTH_REFRESH_TOKEN=rt\nOAUTH_HOST=as.example\n")
    container = build_container(load_settings(Need.LOGGING_OUT, env_file=path, environ={}))
    store = FakeTokenStore(TokenSet(refresh_token="rt"))
    container.store.override(providers.Object(store))  # pyright: ignore[reportUnknownMemberType] # untyped there
    for had_login in (True, False):
        assert log_out(container, Console(Language.ENGLISH), revoke=False).had_login is had_login
    assert store.stored == TokenSet()
    assert "OAUTH_REFRESH_TOKEN=\n" in path.read_text()
