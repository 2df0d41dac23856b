"""`oca status` tells when `.env` cannot be written, also where the journal would keep a renewed login."""

from pathlib import Path

import pytest

from config.settings import Settings
from entrypoints.status import gather
from tests.entrypoints.test_status import LOGIN, NOW
from tests.fakes.clock import FakeClock
from tests.fakes.token_journal import FakeTokenHistory
from tests.fakes.token_store import FakeTokenStore


def trouble_with(path: Path, **values: str) -> str:
    settings = Settings.model_validate(
        {"env_file": path, "oauth_host": "id.example", "oauth_client_id": "the-client", **values}
    )
    history = FakeTokenHistory(FakeClock(NOW))
    return str(gather(settings, store=FakeTokenStore(LOGIN), history=history, now=NOW).store_trouble or "")


@pytest.mark.parametrize(("text", "told"), [(b"A=1\n", ""), (b"\xff\xfeA\x00", "could not be written to")])
def test_a_store_that_is_well_does_not_hide_a_file_that_is_not(tmp_path: Path, text: bytes, told: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text)
    assert told in trouble_with(path)
    assert bool(trouble_with(path)) is bool(told)
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


def test_a_login_that_lives_elsewhere_does_not_need_the_file(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"\xff\xfeA\x00")
    assert trouble_with(path, oauth_token_store="keyring") == ""
    assert trouble_with(tmp_path / "absent" / ".env") == ""
