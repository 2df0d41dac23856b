"""`oca token`: a valid token, how long it lasts, and what is said when it lasts shorter than it must."""

import json
from datetime import timedelta
from pathlib import Path

from adapters.clock.system import SystemClock
from config.container import build_container
from config.settings import load_settings
from entrypoints.token_output import ValidToken, too_short, valid_token
from tests.entrypoints.stack import Stack, sandbox, write_env
from tests.entrypoints.test_cli import oca

HOUR = timedelta(hours=1)


def test_a_token_that_lasts_is_kept_and_one_that_does_not_is_renewed(running: Stack) -> None:
    first = valid_token(running.container, None)
    assert (first.expires_in, too_short(first, None)) == (HOUR, None)
    running.clock.advance(timedelta(minutes=20))
    assert valid_token(running.container, timedelta(minutes=40)).access_token == first.access_token
    longer = valid_token(running.container, timedelta(minutes=41))
    assert longer.access_token != first.access_token
    assert (longer.expires_in, too_short(longer, HOUR)) == (HOUR, None)


def test_where_no_token_lasts_so_long_a_fresh_one_is_given_with_a_warning(running: Stack) -> None:
    first = valid_token(running.container, None)
    fresh = valid_token(running.container, 2 * HOUR)
    assert fresh.access_token != first.access_token
    warning = too_short(fresh, 2 * HOUR)
    assert warning is not None
    assert "lasts only 1 h 0 min, and not the 2 h 0 min" in warning.en
    assert "只剩 1 小时 0 分钟" in warning.zh


def test_a_key_has_no_end_and_no_secret_shows(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("LLM_API_KEY=planted-key\nLLM_API_URL=https://x.example/v1\nLLM_MODEL_NAME=m\n")
    found = valid_token(build_container(load_settings(env_file=env_file, environ={})), HOUR)
    assert found.document() == {
        "access_token": "planted-key",
        "token_type": "Bearer",
        "expires_at": None,
        "expires_in_s": None,
    }
    assert too_short(found, HOUR) is None
    assert "planted" not in repr(found)


def test_the_document_tells_the_end() -> None:
    end = SystemClock().now()
    document = ValidToken(access_token="t", expires_at=end, expires_in=timedelta(seconds=1.5)).document()
    assert (document["expires_at"], document["expires_in_s"]) == (end.isoformat(), 1.5)


def test_the_command_prints_the_token_alone_and_warns_beside_it(tmp_path: Path) -> None:
    with sandbox(SystemClock()) as world:
        write_env(tmp_path, world)
        plain = oca("token", "--min-ttl", "60", cwd=tmp_path)
        assert (plain.returncode, plain.stderr, len(plain.stdout.split())) == (0, "", 1)
        short = oca("token", "--min-ttl", "7200", "--json", cwd=tmp_path)
        assert short.returncode == 0
        assert short.stderr.startswith("Warning: ")
        document = json.loads(short.stdout)
        assert document["access_token"] != plain.stdout.strip()
        assert 3500 < document["expires_in_s"] <= 3600
        assert world.controls.tokens.grants == 2
    assert oca("token", "--min-ttl", "-1", cwd=tmp_path).returncode == 2
