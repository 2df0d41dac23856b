"""`oca config path`, `get` and `set` as a person or a script runs them."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from adapters.token_store.managed_keys import MANAGED_KEYS
from config.settings import setting_keys
from domain.tokens import fingerprint
from entrypoints.cli import app
from entrypoints.config_values import ALL_KEYS, masked
from entrypoints.env_template import new_env_text

KEYS = [*ALL_KEYS, "OCA_ENV_FILE"]
TEXT = """\
# mine
OAUTH_HOST=id.example  # ours
OAUTH_REFRESH_TOKEN='planted-refresh'
OCA_API_KEYS="planted-1,planted-2"
LLM_MODEL_NAME=
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(TEXT)
    path.chmod(0o600)
    return path


def oca(path: Path, *words: str, **environ: str) -> Any:
    env: Mapping[str, str | None] = {**{key: None for key in KEYS if key in os.environ}, "OCA_LANG": "en", **environ}
    return CliRunner().invoke(app, ["config", *words, "--env-file", str(path)], env=env)


def settings_in(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)["settings"]
    return found


def test_the_path_is_printed_alone(path: Path) -> None:
    assert oca(path, "path").stdout == f"{path}\n"
    result = CliRunner().invoke(app, ["config", "path"], env={"OCA_ENV_FILE": str(path)})
    assert result.stdout == f"{path}\n"


def test_every_setting_is_shown_with_its_source_and_no_secret(path: Path) -> None:
    result = oca(path, "get", LLM_MODEL_NAME="from outside", HTTP_PROXY_URL="http://me:planted-password@px:3128")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = dict(line.split("=", 1) for line in result.stdout.splitlines())
    assert set(lines) == {*setting_keys(), *MANAGED_KEYS}
    assert lines["OAUTH_HOST"] == "id.example  # file"
    assert lines["LLM_MODEL_NAME"] == "from outside  # environment"
    assert lines["OCA_PORT"] == "8000  # default"
    assert lines["LLM_API_URL"] == "  # unset"
    assert lines["OAUTH_REFRESH_TOKEN"] == f"sha256:{fingerprint('planted-refresh')}  # file"
    assert lines["HTTP_PROXY_URL"] == "http://***@px:3128  # environment"
    assert "planted" not in result.stdout
    shown = oca(path, "get", "--show-secrets")
    assert "planted-refresh" in shown.stdout
    assert "planted-1,planted-2" in shown.stdout


def test_one_setting_alone_is_its_value_for_scripts(path: Path) -> None:
    assert oca(path, "get", "OAUTH_HOST").stdout == "id.example\n"
    unset = oca(path, "get", "LLM_API_URL")
    assert (unset.exit_code, unset.stdout) == (1, "")
    assert oca(path, "get", "OAUTH_HOST", "LLM_API_URL").exit_code == 0


def test_one_document_on_request(path: Path) -> None:
    found = settings_in(oca(path, "get", "OCA_API_KEYS", "OCA_PORT", "LLM_API_URL", "--json"))
    assert found["OCA_PORT"] == {"value": "8000", "source": "default", "secret": False}
    assert found["LLM_API_URL"] == {"value": None, "source": "unset", "secret": False}
    assert found["OCA_API_KEYS"]["secret"] is True
    assert "planted" not in str(found)
    assert len(settings_in(oca(path, "get", "--json"))) == len(ALL_KEYS)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("HTTP_PROXY_URL", "me:planted@px:3128", "***@px:3128"),
        ("HTTP_PROXY_URL", "px:3128", "px:3128"),
        ("OAUTH_TOKEN_STORE", "keyring", "keyring"),
        ("OAUTH_TOKEN_STORE", "redis://:planted@r:6379/0?password=planted", "redis://***@r:6379/0?***"),
        ("LLM_API_URL", "https://me:planted@api.example/v1", "https://[redacted]@api.example/v1"),
        ("OCA_API_KEYS", "", ""),
    ],
)
def test_of_an_address_no_password_is_shown(key: str, value: str, shown: str) -> None:
    assert masked(key, value) == shown


def test_values_are_written_and_nothing_else(path: Path) -> None:
    path.chmod(0o644)
    result = oca(path, "set", "--yes", "LLM_MODEL_NAME=a model", "OCA_API_KEYS=planted-3", "OCA_PORT=9000")
    assert (result.exit_code, result.stdout) == (0, "")
    wanted = TEXT.replace('"planted-1,planted-2"', '"planted-3"').replace("NAME=\n", "NAME='a model'\n")
    assert path.read_text() == wanted + "OCA_PORT=9000\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert "planted" not in result.stderr
    assert "+ LLM_MODEL_NAME=a model" in result.stderr
    assert f"- OCA_API_KEYS=sha256:{fingerprint('planted-1,planted-2')}" in result.stderr


def test_a_key_and_its_value_may_be_two_words(path: Path) -> None:
    assert oca(path, "set", "LLM_SYSTEM_PROMPT", "a=b c", "--yes").exit_code == 0
    assert dotenv_values(path)["LLM_SYSTEM_PROMPT"] == "a=b c"


def test_a_setting_is_left_empty_on_request(path: Path) -> None:
    assert oca(path, "set", "--unset", "OAUTH_HOST", "--yes").exit_code == 0
    assert "OAUTH_HOST=  # ours\n" in path.read_text()
    again = oca(path, "set", "--unset", "OAUTH_HOST", "--yes")
    assert "nothing was changed" in again.stderr


def test_a_new_file_is_that_of_the_example_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new.env"
    assert oca(path, "set", "OCA_PORT=9000", "--yes").exit_code == 0
    example = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8") == example.replace("#OCA_PORT=8000", "OCA_PORT=9000")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_the_example_a_new_file_names_every_key(tmp_path: Path) -> None:
    text = new_env_text({"OCA_PORT": "9000"}, example=tmp_path / "none").decode()
    lines = [line.lstrip("#").partition("=")[0] for line in text.splitlines() if "=" in line and " " not in line[:3]]
    assert set(lines) >= {*setting_keys(), *MANAGED_KEYS}
    assert "\nOCA_PORT=\n" in text
    (tmp_path / ".env").write_text(text)
    assert dotenv_values(tmp_path / ".env")["OAUTH_HOST"] == ""


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("OAUTH_HOSTS=x",), 2, "Did you mean OAUTH_HOST"),
        (("QQQQQQ=x",), 2, "oca config get lists them all"),
        (("OAUTH_ACCESS_TOKEN=x",), 2, "managed by the program"),
        (("OAUTH_ACCESS_TOKEN_EXPIRES_AT=x",), 2, "managed by the program"),
        (("OAUTH_REFRESH_TOKEN=planted-new",), 2, "oca login --with-token"),
        (("OCA_PORT",), 2, "OCA_PORT has no value"),
        ((), 2, "nothing to set"),
        (("OCA_PORT=99999",), 3, "OCA_PORT"),
        (("LLM_API_URL=nonsense",), 3, "LLM_API_URL must be an address"),
        (("OAUTH_PRESET=nonsense",), 3, "There is no preset nonsense"),
        (("OCA_PORT=1\0",), 3, "NUL"),
        (("EXTRA_CA_CERTS=/no/such/file",), 3, "EXTRA_CA_CERTS"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_wrong_keys_and_values_are_told_before_anything_is_written(
    path: Path, words: tuple[str, ...], code: int, told: str, language: str
) -> None:
    result = oca(
        path, "set", *words, *(["OCA_HOST=localhost"] if "=" in "".join(words) else []), "--yes", "--lang", language
    )
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr or language == "zh"
    assert any(ord(character) > 0x2E7F for character in result.stderr) == (language == "zh")
    assert "planted" not in result.stderr
    assert path.read_text() == TEXT


def test_one_wrong_line_can_be_mended_while_there_are_others(path: Path) -> None:
    path.write_text("OCA_PORT=x\nLLM_API_URL=y\n")
    assert oca(path, "set", "OCA_PORT=9000", "--yes").exit_code == 0
    assert path.read_text() == "OCA_PORT=9000\nLLM_API_URL=y\n"


def test_nobody_to_ask_is_no_consent(path: Path) -> None:
    result = oca(path, "set", "OCA_PORT=9000")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert path.read_text() == TEXT


def test_an_environment_that_wins_is_told_of(path: Path) -> None:
    assert "the environment, which wins" in oca(path, "set", "OCA_PORT=9000", "--yes", OCA_PORT="1").stderr


def test_an_unknown_key_to_show_is_wrong_usage(path: Path) -> None:
    result = oca(path, "get", "OCA_PROT")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "OCA_PORT" in result.stderr


def test_a_refresh_token_that_only_the_environment_has_is_shown_as_such(path: Path) -> None:
    path.write_text("")
    found = settings_in(oca(path, "get", "OAUTH_REFRESH_TOKEN", "--json", OAUTH_REFRESH_TOKEN="planted"))
    assert found["OAUTH_REFRESH_TOKEN"]["source"] == "environment"
