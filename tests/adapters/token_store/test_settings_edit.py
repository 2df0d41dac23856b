"""An edit of settings keeps the file, and costs no process its login."""

import errno
import os
import stat
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values

from adapters.token_store.files import Files
from adapters.token_store.journal_file import read_journal
from adapters.token_store.settings_edit import edit_settings
from adapters.token_store.sidecar import sidecar_of
from domain.errors import ConfigurationError
from domain.tokens import TokenSet
from tests.adapters.token_store.faulty_files import DISK_FULL, FaultyFiles, Killed, failing
from tests.adapters.token_store.scene import TEXT, mode, rotate, store_at


def empty(_: Mapping[str, str]) -> bytes:
    return b""


def edit(path: Path, files: Files | None = None, **values: str) -> None:
    edit_settings(path, values, template=empty, wait=timedelta(seconds=5), files=files)


def test_only_the_value_changes(path: Path) -> None:
    path.chmod(0o640)
    edit(path, LLM_MODEL_NAME="other model", OCA_PORT="9000")
    assert path.read_text() == TEXT.replace("'a b'", "'other model'") + "OCA_PORT=9000\n"
    assert mode(path) == 0o640


def test_a_new_file_is_made_of_the_template_and_private(tmp_path: Path) -> None:
    path = tmp_path / ".env"

    def template(values: Mapping[str, str]) -> bytes:
        return f"# for {', '.join(values)}\nOCA_PORT=\n".encode()

    edit_settings(path, {"OCA_PORT": "9000"}, template=template)
    assert path.read_text() == "# for OCA_PORT\nOCA_PORT=9000\n"
    assert mode(path) == 0o600


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    edit(link, OCA_PORT="9000")
    assert link.is_symlink()
    assert dotenv_values(path)["OCA_PORT"] == "9000"


def test_tokens_are_no_settings(path: Path) -> None:
    with pytest.raises(ValueError, match="Tokens"):
        edit(path, OAUTH_REFRESH_TOKEN="planted")
    path.write_text(TEXT + "OAUTH_ACCESS_TOKEN=${LLM_MODEL_NAME}\n")
    with pytest.raises(ConfigurationError):
        edit(path, LLM_MODEL_NAME="other")
    assert dotenv_values(path)["LLM_MODEL_NAME"] == "a b"


def test_edits_and_rotations_at_once_lose_neither(path: Path) -> None:
    store = store_at(path)

    def rotations() -> None:
        for number in range(20):
            rotate(store, TokenSet(refresh_token=f"r{number}", access_token=f"a{number}"))

    worker = threading.Thread(target=rotations)
    worker.start()
    for number in range(20):
        edit(path, OCA_PORT=str(number))
    worker.join()
    found = dotenv_values(path)
    assert (found["OAUTH_REFRESH_TOKEN"], found["OCA_PORT"]) == ("r19", "19")
    assert store_at(path).load().refresh_token == "r19"
    assert "# The account of the team" in path.read_text()


def test_an_editor_in_between_makes_it_begin_anew(path: Path) -> None:
    files = FaultyFiles()
    changed: list[None] = []

    def editor(name: str) -> None:
        if name == "sync" and not changed:
            changed.append(None)
            path.write_text(path.read_text() + "MINE=1\n")

    files.before_step = editor
    edit(path, files, OCA_PORT="9000")
    found = dotenv_values(path)
    assert (found["MINE"], found["OCA_PORT"]) == ("1", "9000")


def test_an_editor_that_never_stops_is_told_of(path: Path) -> None:
    files = FaultyFiles()

    def editor(name: str) -> None:
        if name == "sync":
            path.write_text(path.read_text() + "\n")

    files.before_step = editor
    with pytest.raises(ConfigurationError, match="again and again"):
        edit(path, files, OCA_PORT="9000")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_held_lock_is_told_of(path: Path, language: str) -> None:
    with store_at(path).exclusive(), pytest.raises(ConfigurationError) as caught:
        edit_settings(path, {"OCA_PORT": "1"}, template=empty, wait=timedelta(0))
    assert ".env.lock" in getattr(caught.value.text, language)
    assert path.read_text() == TEXT


@pytest.mark.parametrize("before_step", [DISK_FULL, failing(errno.EACCES, "create", "open")])
def test_what_cannot_be_written_is_told_and_left_as_it_was(path: Path, before_step: object) -> None:
    files = FaultyFiles(before_step)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="could not be changed"):
        edit(path, files, OCA_PORT="9000")
    assert path.read_text() == TEXT


def test_a_text_that_cannot_be_edited_is_left_as_it_is(path: Path) -> None:
    path.write_bytes("A=1\n".encode("utf-16"))
    with pytest.raises(ConfigurationError, match="UTF-16"):
        edit(path, OCA_PORT="9000")


def test_a_death_while_the_file_is_overwritten_in_place_costs_no_login(path: Path) -> None:
    store = store_at(path)
    rotate(store, TokenSet(refresh_token="second", access_token="a"))
    told: list[bool] = []
    files = FaultyFiles()

    def step(name: str) -> None:
        if name == "create":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        if name == "truncate":
            told.append(read_journal(Files(), sidecar_of(path)).overwriting)
            raise Killed

    files.before_step = step
    with pytest.raises(Killed):
        edit(path, files, LLM_MODEL_NAME="a very much longer name than the one before")
    assert told == [True]
    # Half of one text and half of the other, and a refresh token that nobody knows.
    path.write_text(path.read_text().replace("second", "secfirst"))
    assert store_at(path).load().refresh_token == "second"


def test_where_it_can_only_be_overwritten_it_is_and_the_journal_says_so_no_more(path: Path) -> None:
    rotate(store_at(path), TokenSet(refresh_token="second", access_token="a"))
    edit(path, FaultyFiles(failing(errno.EBUSY, "create")), OCA_PORT="9000")
    assert dotenv_values(path)["OCA_PORT"] == "9000"
    journal = read_journal(Files(), sidecar_of(path))
    assert (journal.overwriting, journal.reached, journal.tokens.refresh_token) == (False, True, "second")
    assert stat.S_IMODE(sidecar_of(path).stat().st_mode) == 0o600
