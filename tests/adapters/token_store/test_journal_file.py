import errno
import os
from pathlib import Path

import pytest

from adapters.token_store.files import Files
from adapters.token_store.journal import Journal
from adapters.token_store.journal_file import prove_room, read_journal, write_journal
from domain.tokens import TokenSet
from tests.adapters.token_store.faulty_files import FaultyFiles, failing
from tests.contracts.token_store import login


def journal_of(tokens: TokenSet) -> Journal:
    return Journal().followed_by(tokens, spent=(), covers=None)


@pytest.fixture
def sidecar(tmp_path: Path) -> Path:
    return tmp_path / ".env.lock"


def write(files: Files, sidecar: Path, tokens: TokenSet) -> None:
    descriptor = files.open_or_create(sidecar)
    try:
        write_journal(files, sidecar, descriptor, journal_of(tokens))
    finally:
        os.close(descriptor)


def test_an_absent_journal_is_empty(tmp_path: Path, sidecar: Path) -> None:
    assert read_journal(Files(), sidecar) == Journal()
    assert read_journal(Files(), tmp_path) == Journal()


def test_a_record_is_one_write_that_is_synced_and_the_name_of_a_new_file_too(sidecar: Path) -> None:
    files = FaultyFiles()
    write(files, sidecar, login(1))
    write(files, sidecar, login(2))
    assert files.steps == [
        "open_or_create",
        "write",
        "sync_data",
        "sync_folder",
        "open_or_create",
        "write",
        "sync_data",
    ]


def test_a_record_that_was_torn_leaves_the_one_before(sidecar: Path) -> None:
    for number in range(1, 6):
        write(Files(), sidecar, login(number))
        with pytest.raises(OSError, match="No space"):
            write(FaultyFiles(failing(errno.ENOSPC, "write")), sidecar, login(99))
        assert read_journal(Files(), sidecar).tokens == login(number)


def test_a_file_of_many_records_stays_small(sidecar: Path) -> None:
    for number in range(60):
        write(Files(), sidecar, login(number))
    assert sidecar.stat().st_size < 3 * 600


def test_a_logout_leaves_no_token_behind(sidecar: Path) -> None:
    for tokens in (login(1), login(2), TokenSet()):
        write(Files(), sidecar, tokens)
    assert b"refresh-" not in sidecar.read_bytes()
    assert b"access-" not in sidecar.read_bytes()
    assert read_journal(Files(), sidecar) == journal_of(TokenSet())


class TestRoom:
    def test_is_taken_once_and_costs_no_record(self, sidecar: Path) -> None:
        files = FaultyFiles()
        for number in range(3):
            write(files, sidecar, login(number))
            descriptor = files.open_or_create(sidecar)
            prove_room(files, sidecar, descriptor)
            os.close(descriptor)
            assert read_journal(files, sidecar).tokens == login(number)
        assert files.steps.count("allocate") == 1

    def test_taken_by_writing_it_costs_no_record_either(self, sidecar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
        write(Files(), sidecar, login(1))
        descriptor = Files().open_or_create(sidecar)
        prove_room(Files(), sidecar, descriptor)
        os.close(descriptor)
        assert read_journal(Files(), sidecar).tokens == login(1)

    def test_is_enough_for_the_next_records(self, sidecar: Path) -> None:
        write(Files(), sidecar, login(1))
        descriptor = Files().open_or_create(sidecar)
        prove_room(Files(), sidecar, descriptor)
        size = sidecar.stat().st_size
        for length in (0, 0, 15_000, 15_000, 0, 15_000):
            tokens = TokenSet(refresh_token="r" * length, access_token="a")
            write_journal(Files(), sidecar, descriptor, journal_of(tokens))
            assert sidecar.stat().st_size == size
        os.close(descriptor)

    def test_is_denied_on_a_full_disk(self, sidecar: Path) -> None:
        files = FaultyFiles(failing(errno.ENOSPC, "allocate"))
        descriptor = files.open_or_create(sidecar)
        with pytest.raises(OSError, match="No space"):
            prove_room(files, sidecar, descriptor)
        os.close(descriptor)


def test_nothing_is_written_into_a_file_that_nobody_would_find(sidecar: Path) -> None:
    descriptor = Files().open_or_create(sidecar)
    sidecar.unlink()
    with pytest.raises(FileNotFoundError):
        write_journal(Files(), sidecar, descriptor, journal_of(login(1)))
    sidecar.touch()
    with pytest.raises(OSError, match=r"[Ss]tale"):
        write_journal(Files(), sidecar, descriptor, journal_of(login(1)))
    with pytest.raises(OSError, match=r"[Ss]tale"):
        prove_room(Files(), sidecar, descriptor)
    os.close(descriptor)
