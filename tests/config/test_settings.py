"""Settings: where a value comes from, and what is said of a wrong one."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from config.environment import environment_for_sandbox, nothing_configured
from config.settings import Need, Settings, load_settings
from domain.errors import ConfigurationError
from domain.http import is_loopback_host

GOOD = {
    "OAUTH_HOST": "as.example",
    "OAUTH_CLIENT_ID": "client",
    "OAUTH_REFRESH_TOKEN": "rt",
    "LLM_API_URL": "https://llm.example/v1/chat/completions",
    "LLM_MODEL_NAME": "m",
}
Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Settings from GOOD with changes; `environ` is the environment."""

    def loaded(need: Need = Need.GATEWAY, environ: dict[str, str] | None = None, **changes: str) -> Settings:
        values = {**GOOD, **changes}
        text = "".join(f"{key}='{value}'\n" for key, value in values.items())
        (tmp_path / ".env").write_text(text, encoding="utf-8")
        return load_settings(need, env_file=tmp_path / ".env", environ=environ or {})

    return loaded


def problems_of(load: Load, **changes: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(**changes)
    return tuple(str(each) for each in caught.value.problems)


def test_defaults_are_those_of_the_documentation(load: Load) -> None:
    settings = load()
    assert settings.llm_system_prompt == "You are a helpful assistant."
    assert settings.llm_temperature == 0.7
    assert settings.request_timeout == timedelta(seconds=120)
    assert settings.connect_timeout == timedelta(seconds=2)
    assert (settings.oca_host, settings.oca_port) == ("127.0.0.1", 8000)
    assert settings.oca_max_body_bytes == 64 * 1024 * 1024
    assert settings.keep_alive_interval == timedelta(seconds=15)


def test_the_token_endpoint_is_made_from_the_host_unless_it_is_given(load: Load) -> None:
    assert load().token_endpoint == "https://as.example/oauth2/v1/token"
    assert load(OAUTH_HOST="https://as.example:8443/").token_endpoint == "https://as.example:8443/oauth2/v1/token"
    assert load(OAUTH_TOKEN_URL="https://other.example/t").token_endpoint == "https://other.example/t"
    assert load(OAUTH_HOST="", OAUTH_TOKEN_URL="http://127.0.0.1:9/t").token_endpoint == "http://127.0.0.1:9/t"


def test_the_environment_wins_over_the_file_but_an_empty_value_counts_as_none(load: Load) -> None:
    assert load(environ={"LLM_MODEL_NAME": "theirs"}).llm_model_name == "theirs"
    assert load(environ={"LLM_MODEL_NAME": ""}).llm_model_name == "m"


def test_command_line_options_win_over_both(tmp_path: Path) -> None:
    settings = load_settings(env_file=tmp_path / "none", environ={**GOOD, "OCA_PORT": "1"}, overrides={"OCA_PORT": "2"})
    assert settings.oca_port == 2


def test_the_env_file_is_the_option_then_oca_env_file_then_dot_env_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ=GOOD).env_file == tmp_path / ".env"
    assert load_settings(environ={**GOOD, "OCA_ENV_FILE": "a.env"}).env_file == tmp_path / "a.env"
    assert load_settings(env_file="b.env", environ={**GOOD, "OCA_ENV_FILE": "a.env"}).env_file == tmp_path / "b.env"


def test_a_refresh_token_in_the_environment_is_a_seed_and_one_in_the_file_is_none(load: Load) -> None:
    assert load().seed_refresh_token is None
    seeded = load(OAUTH_REFRESH_TOKEN="", environ={"OAUTH_REFRESH_TOKEN": "seed"}).seed_refresh_token
    assert seeded is not None
    assert seeded.get_secret_value() == "seed"


def test_every_missing_value_is_reported_at_once_naming_key_and_file(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.env"
    with pytest.raises(ConfigurationError) as caught:
        load_settings(env_file=path, environ={})
    keys = ("OAUTH_HOST", "OAUTH_CLIENT_ID", "LLM_API_URL", "LLM_MODEL_NAME", "OAUTH_REFRESH_TOKEN")
    no_file, *lines = map(str, caught.value.problems)
    assert f"no settings file {path}" in no_file
    assert ".env.example" in no_file
    for key in keys:
        (line,) = [line for line in lines if line.startswith(f"{key} is missing")]
        assert str(path) in line
    assert len(lines) == len(keys)


def test_a_key_that_is_there_and_empty_is_said_to_be_empty(load: Load) -> None:
    (line,) = problems_of(load, LLM_MODEL_NAME=" ")
    assert line.startswith("LLM_MODEL_NAME is empty: ")
    assert ".env" in line


def test_every_problem_is_told_in_chinese_too(load: Load) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(OCA_PORT="x", LLM_TEMPERATURE="9", OAUTH_CLIENT_ID="", HTTP_PROXY_URL="ftp://x", OCA_HOST="0.0.0.0")
    told = [problem.zh for problem in caught.value.problems]
    assert len(told) == 5
    assert all(re.search("[\u4e00-\u9fff]", line) for line in told)
    assert any("必须是整数" in line for line in told)
    assert any("不得大于 2.0" in line for line in told)


def test_a_login_alone_needs_no_model(tmp_path: Path) -> None:
    environ = {key: GOOD[key] for key in ("OAUTH_HOST", "OAUTH_CLIENT_ID", "OAUTH_REFRESH_TOKEN")}
    assert load_settings(Need.LOGIN, env_file=tmp_path / "none", environ=environ).oauth_client_id == "client"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("OAUTH_HOST", "as.example/path"),
        ("OAUTH_HOST", "user@as.example"),
        ("OAUTH_HOST", "as example"),
        ("OAUTH_HOST", "as.example:port"),
        ("OAUTH_TOKEN_URL", "http://as.example/token"),
        ("OAUTH_TOKEN_URL", "as.example/token"),
        ("LLM_API_URL", "ftp://llm.example"),
        ("LLM_API_URL", "https://"),
        ("LLM_API_URL", "https://llm example/v1"),
        ("LLM_API_URL", "https://llm.example/v1 /chat"),
        ("LLM_API_URL", "https://llm..example/v1"),
        ("LLM_API_URL", f"https://{'a' * 64}.ai"),
        ("LLM_API_URL", "https://[::1/v1"),
        ("LLM_MODELS_API_URL", "models"),
        ("LLM_TEMPERATURE", "2.1"),
        ("LLM_TEMPERATURE", "-0.1"),
        ("LLM_TEMPERATURE", "hot"),
        ("LLM_TEMPERATURE", "nan"),
        ("LLM_REQUEST_TIMEOUT", "0"),
        ("LLM_REQUEST_TIMEOUT", "inf"),
        ("CONNECTION_TIMEOUT", "-1"),
        ("CONNECTION_TIMEOUT", "2s"),
        ("OCA_PORT", "70000"),
        ("OCA_PORT", "http"),
        ("OCA_MAX_BODY_BYTES", "0"),
        ("EXTRA_CA_CERTS", "/does/not/exist.pem"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_key_the_file_and_the_value(load: Load, key: str, value: str) -> None:
    (line,) = problems_of(load, **{key: value})
    assert line.startswith(f"{key} in ")
    assert ".env" in line
    assert value in line
    assert "\n" not in line


def test_a_wrong_value_of_the_environment_is_said_to_be_there(load: Load) -> None:
    with pytest.raises(ConfigurationError, match="OCA_PORT in the environment"):
        load(environ={"OCA_PORT": "x"})


def test_a_wrong_secret_is_never_shown(load: Load) -> None:
    (line,) = problems_of(load, HTTP_PROXY_URL="socks5://user:hunter2@proxy.example")
    assert line.startswith("HTTP_PROXY_URL in ")
    assert "hunter2" not in line


def test_all_wrong_values_are_reported_together_with_all_missing_ones(load: Load) -> None:
    lines = problems_of(load, OCA_PORT="x", LLM_TEMPERATURE="9", OAUTH_CLIENT_ID="")
    assert sorted(line.split()[0] for line in lines) == ["LLM_TEMPERATURE", "OAUTH_CLIENT_ID", "OCA_PORT"]


def test_a_public_address_needs_an_inbound_key(load: Load) -> None:
    (line,) = problems_of(load, OCA_HOST="0.0.0.0")
    assert "OCA_API_KEYS" in line
    assert "127.0.0.1" in line
    keys = load(OCA_HOST="0.0.0.0", OCA_API_KEYS=" k1 , k2,").oca_api_keys
    assert [key.get_secret_value() for key in keys] == ["k1", "k2"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("127.evil.example", False),
    ],
)
def test_loopback_is_told_from_everything_else(host: str, loopback: bool) -> None:
    assert is_loopback_host(host) is loopback


def test_a_proxy_may_be_given_without_its_scheme(load: Load) -> None:
    proxy = load(HTTP_PROXY_URL="proxy.example:3128").http_proxy_url
    assert proxy is not None
    assert proxy.get_secret_value() == "http://proxy.example:3128"


def test_no_repr_of_the_settings_shows_a_secret(load: Load) -> None:
    settings = load(
        environ={"OAUTH_REFRESH_TOKEN": "s3cret"}, OCA_API_KEYS="s3cret", HTTP_PROXY_URL="http://u:s3cret@proxy"
    )
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings)


def test_ca_files_are_a_list_of_existing_files(load: Load, tmp_path: Path) -> None:
    one, two = tmp_path / "one.pem", tmp_path / "two.pem"
    one.touch()
    two.touch()
    assert load(EXTRA_CA_CERTS=f"{one}, {two}").extra_ca_certs == (one, two)


def test_a_file_that_is_no_text_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xff\xfe\x00A=\xff")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(env_file=path, environ={})


def test_a_byte_order_mark_does_not_hide_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(f"{key}={value}" for key, value in GOOD.items()).encode())
    assert load_settings(env_file=path, environ={}).oauth_host == "as.example"


def test_an_untouched_example_counts_as_nothing_configured(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    example = Path(__file__).parents[2] / ".env.example"
    path.write_bytes(example.read_bytes())
    assert nothing_configured(env_file=path, environ={})
    assert not nothing_configured(env_file=path, environ={"OAUTH_HOST": "as.example"})


def test_the_example_names_every_setting() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    keys = {name.upper() for name in Settings.model_fields} - {"ENV_FILE", "SEED_REFRESH_TOKEN"}
    assert {key for key in keys if f"{key}=" not in text} == set()


def test_the_sandbox_sees_nothing_of_a_real_account() -> None:
    environ = {**GOOD, "HTTP_PROXY_URL": "http://proxy", "OCA_PORT": "1", "LOG_LEVEL": "DEBUG"}
    assert environment_for_sandbox(environ) == {"OCA_PORT": "1", "LOG_LEVEL": "DEBUG"}
