"""A refresh that ends, or fails, at each of its steps in turn: what the next process finds."""

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from dotenv import dotenv_values

from adapters.token_store.files import Files
from adapters.token_store.journal_file import read_journal
from domain.errors import TokenStoreError
from domain.tokens import TokenSet
from tests.adapters.token_store.faulty_files import FaultyFiles, Killed, failing
from tests.adapters.token_store.scene import TEXT, names, rotate, store_at
from tests.contracts.token_store import login

# A rotation of a login that has been rotated before, on a file that is renamed onto, or overwritten in place.
RENAMED = FaultyFiles().before_step
IN_PLACE = failing(errno.EBUSY, "replace")
WAYS = pytest.mark.parametrize("way", [RENAMED, IN_PLACE], ids=["renamed", "in place"])


def begin(folder: Path) -> Path:
    folder.mkdir()
    path = folder / ".env"
    path.write_text(TEXT)
    rotate(store_at(path), login(1))
    return path


def steps_of_a_rotation(folder: Path, way: Callable[[str], None]) -> list[str]:
    files = FaultyFiles(way)
    rotate(store_at(begin(folder), files=files), login(2))
    return files.steps


def at_step(number: int, way: Callable[[str], None], failure: BaseException) -> Callable[[str], None]:
    """This way, until the step of this number fails."""
    left = [number]

    def before_step(name: str) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise failure
        way(name)

    return before_step


def is_whole(path: Path, *numbers: int) -> bool:
    """Whether the file holds all that is not ours, and one of these logins."""
    values = dotenv_values(path)
    shown = values["OAUTH_REFRESH_TOKEN"], values["OAUTH_ACCESS_TOKEN"]
    others = values["OAUTH_HOST"], values["LLM_MODEL_NAME"]
    return others == ("https://id.example", "a b") and shown in {(f"refresh-{n}", f"access-{n}") for n in numbers}


@pytest.mark.parametrize(
    ("way", "synced"), [(RENAMED, ["sync", "sync_folder"]), (IN_PLACE, ["sync", "sync_data", "sync"])]
)
def test_the_pair_is_in_the_journal_and_synced_before_the_file_is_touched(
    tmp_path: Path, way: Callable[[str], None], synced: list[str]
) -> None:
    steps = steps_of_a_rotation(tmp_path / "rehearsal", way)
    touched = steps.index("create")
    assert [each for each in steps[:touched] if "write" in each or "sync" in each] == ["write", "sync_data"] * 2
    assert steps[touched - 2 : touched] == ["write", "sync_data"]
    assert [each for each in steps[touched:] if "sync" in each] == [*synced, "sync_data"]


@WAYS
def test_death_at_any_step_leaves_the_login_before_or_the_new_one_and_never_a_spent_one_after_the_journal(
    tmp_path: Path, way: Callable[[str], None]
) -> None:
    steps = steps_of_a_rotation(tmp_path / "rehearsal", way)
    journaled = steps.index("create") - 2
    assert steps[journaled] == "write"
    for number, step in enumerate(steps):
        path = begin(tmp_path / str(number))
        with pytest.raises(Killed):
            rotate(store_at(path, files=FaultyFiles(at_step(number, way, Killed()))), login(2))
        # A write that dies half-way is not what a kill does to one of this size; overwriting in place relies on that.
        if way is RENAMED or step != "write":
            assert is_whole(path, 1, 2), step
        # A load that finds the lock held, as by a dead process's child, writes nothing, and knows all the same.
        with store_at(path).exclusive():
            held = store_at(path).load()
        found = store_at(path).load()
        assert found == held, step
        assert found.refresh_token == ("refresh-2" if number > journaled else "refresh-1"), step
        assert found.access_token == f"access-{str(found.refresh_token)[-1]}"
        if number > journaled:
            assert found == login(2)
        assert dotenv_values(path)["OAUTH_REFRESH_TOKEN"] == found.refresh_token
        rotate(store_at(path), login(3))
        assert store_at(path).load() == login(3)
        assert is_whole(path, 3)
        assert names(path.parent) == [".env", ".env.lock"]


@WAYS
def test_the_attempt_survives_every_death_between_its_record_and_the_pair(
    tmp_path: Path, way: Callable[[str], None]
) -> None:
    steps = steps_of_a_rotation(tmp_path / "rehearsal", way)
    noted, journaled = steps.index("write"), steps.index("create") - 2
    assert steps[noted : noted + 2] == ["write", "sync_data"]
    for number in range(noted + 1, journaled + 1):
        path = begin(tmp_path / str(number))
        with pytest.raises(Killed):
            rotate(store_at(path, files=FaultyFiles(at_step(number, way, Killed()))), login(2))
        assert store_at(path).load().unanswered == 1


@WAYS
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EACCES])
def test_one_failure_at_any_step_of_a_save_loses_nothing(
    tmp_path: Path, way: Callable[[str], None], number: int
) -> None:
    steps = steps_of_a_rotation(tmp_path / "rehearsal", way)
    journaled = steps.index("create") - 2
    for index in range(journaled, len(steps)):
        path = begin(tmp_path / str(index))
        files = FaultyFiles(at_step(index, way, OSError(number, "it fails")))
        store = store_at(path, files=files)
        with suppress(TokenStoreError):
            rotate(store, login(2))
        assert store.load() == login(2)
        assert store_at(path).load().refresh_token == "refresh-2"
        assert store.load() == login(2)
        assert store.trouble() is None
        assert dotenv_values(path)["OAUTH_REFRESH_TOKEN"] == "refresh-2"
        rotate(store_at(path), login(3))
        assert names(path.parent) == [".env", ".env.lock"]


class TestAFileOverwrittenInPlace:
    OLD, NEW = "a" * 1000, "b" * 1000

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / ".env"
        path.write_text(f"OAUTH_REFRESH_TOKEN={self.OLD}\n")
        return path

    def test_by_somebody_who_died_half_way_holds_no_login_of_a_person(self, path: Path) -> None:
        opened: list[str] = []

        def before_step(name: str) -> None:
            IN_PLACE(name)
            opened.extend([name] if name in {"open", "write"} else [])
            if opened[-2:] == ["write", "write"] and "open" in opened:
                raise Killed

        with pytest.raises(Killed):
            store_at(path, files=FaultyFiles(before_step)).save(TokenSet(refresh_token=self.NEW))
        torn = dotenv_values(path)["OAUTH_REFRESH_TOKEN"]
        assert torn not in {self.OLD, self.NEW}
        with store_at(path).exclusive():
            assert store_at(path).load().refresh_token == self.NEW
        assert store_at(path).load().refresh_token == self.NEW
        assert dotenv_values(path)["OAUTH_REFRESH_TOKEN"] == self.NEW
        path.write_text("OAUTH_REFRESH_TOKEN=pasted\n")
        assert store_at(path).load().refresh_token == "pasted"

    def test_in_vain_can_be_given_another_login_by_a_person(self, path: Path) -> None:
        def before_step(name: str) -> None:
            IN_PLACE(name)
            if name == "truncate":
                raise OSError(errno.EIO, "it fails")

        store = store_at(path, files=FaultyFiles(before_step))
        with pytest.raises(TokenStoreError):
            store.save(TokenSet(refresh_token=self.NEW))
        assert store_at(path, files=FaultyFiles(before_step)).load().refresh_token == self.NEW
        path.write_text("OAUTH_REFRESH_TOKEN=pasted\n")
        assert store.load().refresh_token == "pasted"

    def test_is_given_up_when_a_person_changes_it_in_the_last_moment(self, path: Path) -> None:
        def before_step(name: str) -> None:
            IN_PLACE(name)
            if name == "open":
                path.write_text("OAUTH_REFRESH_TOKEN=pasted\n")

        store = store_at(path, files=FaultyFiles(before_step))
        with store.exclusive():
            store.load()
            with pytest.raises(TokenStoreError, match="was replaced"):
                store.save(TokenSet(refresh_token=self.NEW))
        assert store_at(path).load().refresh_token == "pasted"


def dying(step: str) -> Callable[[str], None]:
    def before_step(name: str) -> None:
        if name == step:
            raise Killed

    return before_step


def test_a_torn_record_of_a_first_login_is_no_login(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    files = FaultyFiles(failing(errno.EIO, "create", "write"))
    with pytest.raises(TokenStoreError):
        store_at(path, files=files).save(login(1))
    assert read_journal(Files(), path.with_name(".env.lock")).tokens.refresh_token is None
    assert store_at(path).load().refresh_token is None


def test_a_first_login_that_reached_only_the_journal_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    with pytest.raises(Killed):
        store_at(path, files=FaultyFiles(dying("create"))).save(login(1))
    assert not path.exists()
    assert store_at(path).load() == login(1)
    assert dotenv_values(path)["OAUTH_REFRESH_TOKEN"] == "refresh-1"
