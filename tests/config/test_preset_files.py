"""Login presets: what the files say, and which settings take the place of what."""

from dataclasses import replace
from pathlib import Path

import pytest

from config import preset_files
from config.preset_files import login_plan, preset_names, preset_of
from config.settings import Need, Settings, load_settings
from domain.errors import ConfigurationError
from domain.known_server import LoginPlan
from domain.server_metadata import Endpoints
from tests.domain.login_world import PLAN


def settings_of(**keys: str) -> Settings:
    environ = {"OAUTH_HOST": "as.example", "OAUTH_CLIENT_ID": "c", **keys}
    return load_settings(Need.LOGGING_IN, env_file="/nowhere/.env", environ=environ)


def plan_of(**keys: str) -> LoginPlan:
    return login_plan(settings_of(**keys), PLAN.login)


def test_the_presets_are_those_of_the_documentation() -> None:
    assert preset_names() == ("idcs", "oidc")
    oidc, idcs = preset_of(settings_of()), preset_of(settings_of(OAUTH_PRESET="idcs"))
    assert (oidc.scope, idcs.scope) == ("openid offline_access",) * 2
    assert (oidc.redirect.ports, oidc.redirect.path, oidc.redirect.hosts) == ((0,), "/callback", ("127.0.0.1",))
    assert idcs.redirect.ports == tuple(range(48801, 48812))
    assert (idcs.redirect.path, idcs.redirect.hosts) == ("/auth/oca", ("127.0.0.1", "localhost"))
    assert (oidc.device_response_type, idcs.device_response_type) == (None, "device_code")


def test_without_a_word_of_the_settings_the_server_is_found_below_its_host() -> None:
    server = plan_of().server
    assert server.address == server.issuer == "https://as.example"
    assert server.discovery_urls == (
        "https://as.example/.well-known/openid-configuration",
        "https://as.example/.well-known/oauth-authorization-server",
    )
    assert server.configured == Endpoints()
    assert server.fallback == Endpoints(
        authorization="https://as.example/oauth2/v1/authorize",
        token="https://as.example/oauth2/v1/token",
        device="https://as.example/oauth2/v1/device",
        revocation="https://as.example/oauth2/v1/revoke",
    )


def test_oracles_documents_may_name_another_issuer() -> None:
    plan = plan_of(OAUTH_PRESET="idcs")
    assert plan.server.issuer is None
    assert (plan.prompt, plan.device_response_type) == (None, "device_code")


def test_every_value_of_a_preset_gives_way_to_its_key() -> None:
    keys = {
        "OAUTH_PRESET": "idcs",
        "OAUTH_SCOPE": "mine",
        "OAUTH_PROMPT": "login",
        "OAUTH_ISSUER": "server",
        "OAUTH_DEVICE_RESPONSE_TYPE": "other",
        "OAUTH_AUTHORIZE_URL": "https://as.example/a",
        "OAUTH_TOKEN_URL": "https://as.example/t",
        "OAUTH_DEVICE_URL": "https://as.example/d",
        "OAUTH_REVOCATION_URL": "https://as.example/r",
        "OAUTH_REDIRECT_PORTS": "8400, 8500-8501",
        "OAUTH_REDIRECT_PATH": "/cb",
        "OAUTH_REDIRECT_HOSTS": "localhost",
    }
    plan, preset = plan_of(**keys), preset_of(settings_of(**keys))
    assert (plan.scope, plan.prompt, plan.device_response_type) == ("mine", "login", "other")
    assert plan.server.issuer == "https://as.example"
    assert plan.server.configured == Endpoints(
        authorization="https://as.example/a",
        token="https://as.example/t",
        device="https://as.example/d",
        revocation="https://as.example/r",
    )
    assert (preset.redirect.ports, preset.redirect.path, preset.redirect.hosts) == (
        (8400, 8500, 8501),
        "/cb",
        ("localhost",),
    )


def test_an_issuer_with_a_path_is_found_at_its_own_documents() -> None:
    server = plan_of(OAUTH_ISSUER="https://as.example/realms/x").server
    assert server.issuer == "https://as.example/realms/x"
    assert server.discovery_urls[0] == "https://as.example/realms/x/.well-known/openid-configuration"
    given = plan_of(OAUTH_DISCOVERY_URL="https://as.example/realms/y/.well-known/openid-configuration").server
    assert given.issuer == "https://as.example/realms/y"
    assert len(given.discovery_urls) == 1
    assert plan_of(OAUTH_DISCOVERY_URL="https://as.example/meta", OAUTH_ISSUER="document").server.issuer is None


def test_the_sandbox_is_a_server_by_its_token_endpoint() -> None:
    plan = plan_of(OAUTH_HOST="", OAUTH_TOKEN_URL="http://127.0.0.1:8080/oauth2/v1/token")
    assert plan.server.address == plan.server.issuer == "http://127.0.0.1:8080"


def test_a_preset_that_is_none_names_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no preset okta .*There are: idcs, oidc") as caught:
        plan_of(OAUTH_PRESET="okta")
    assert "可用的预设" in caught.value.text.zh
    with pytest.raises(ConfigurationError, match="OAUTH_PRESET"):
        settings_of(OAUTH_PRESET="../settings")


def test_a_preset_that_cannot_be_read_is_told_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preset_files, "_FOLDER", tmp_path)
    for text in ("scope = ", "scope = 'x'"):
        (tmp_path / "oidc.toml").write_text(text)
        with pytest.raises(ConfigurationError, match=r"oidc\.toml cannot be read"):
            plan_of()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("OAUTH_REDIRECT_PORTS", "80-"),
        ("OAUTH_REDIRECT_PORTS", "x"),
        ("OAUTH_REDIRECT_PORTS", "70000"),
        ("OAUTH_REDIRECT_PORTS", "9-8"),
        ("OAUTH_REDIRECT_PATH", "callback"),
        ("OAUTH_REDIRECT_PATH", "/a?b"),
        ("OAUTH_REDIRECT_HOSTS", "0.0.0.0"),
        ("OAUTH_ISSUER", "http://as.example"),
        ("OAUTH_AUTHORIZE_URL", "http://as.example/a"),
        ("OAUTH_DISCOVERY_URL", "as.example"),
        ("OAUTH_LOGIN_TIMEOUT", "0"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(key: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=key):
        settings_of(**{key: value})


def test_the_login_is_all_that_a_login_does_without() -> None:
    with pytest.raises(ConfigurationError, match="OAUTH_CLIENT_ID"):
        load_settings(Need.LOGGING_IN, env_file="/nowhere/.env", environ={"OAUTH_HOST": "as.example"})
    assert load_settings(Need.LOGGING_OUT, env_file="/nowhere/.env", environ={}).oauth_host is None
    keyed = {"LLM_API_KEY": "k", "OAUTH_HOST": "as.example"}
    with pytest.raises(ConfigurationError, match="OAUTH_CLIENT_ID"):
        load_settings(Need.LOGGING_IN, env_file="/nowhere/.env", environ=keyed)


def test_a_plan_keeps_the_login_it_was_given() -> None:
    login = replace(PLAN.login, mend="another")
    assert login_plan(settings_of(), login).login == login
