import errno
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dotenv import dotenv_values

from domain.errors import TokenStoreError
from domain.tokens import TokenSet, refuse
from tests.adapters.token_store.faulty_files import FaultyFiles, at_ease, failing
from tests.adapters.token_store.scene import TEXT, mode, names, rotate, store_at
from tests.contracts.token_store import ISSUED_AT, login


class CountingFiles(FaultyFiles):
    """Counts the reads, and gives back what `instead` holds, one a read, as long as it lasts."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.instead: list[bytes] = []

    def read(self, path: str | Path) -> bytes:
        self.reads += 1
        return self.instead.pop(0) if self.instead else super().read(path)

    def open_to_read(self, path: Path) -> int:
        self.reads += 1
        return super().open_to_read(path)


class TestLoading:
    def test_what_is_absent_is_empty_and_stays_absent(self, tmp_path: Path) -> None:
        assert store_at(tmp_path / ".env").load() == TokenSet()
        assert store_at(tmp_path / "absent" / ".env").load() == TokenSet()
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_value_is_none(self, path: Path) -> None:
        path.write_text("OAUTH_REFRESH_TOKEN=\nOAUTH_ACCESS_TOKEN=''\nOAUTH_ACCESS_TOKEN_EXPIRES_AT\n")
        assert store_at(path).load() == TokenSet()

    @pytest.mark.parametrize(
        ("written", "moment"),
        [
            ("2026-01-02T03:04:05+00:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("'2026-01-02 05:04:05+02:00'", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("1767323045", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("tomorrow", None),
        ],
    )
    def test_a_time_is_read_however_it_was_written(self, path: Path, written: str, moment: datetime | None) -> None:
        path.write_text(f"OAUTH_ACCESS_TOKEN_EXPIRES_AT={written}\n")
        assert store_at(path).load().expires_at == moment

    def test_a_file_that_has_not_changed_is_not_read_again(self, path: Path) -> None:
        files = CountingFiles()
        store = store_at(path, files=files)
        store.load()
        reads = files.reads
        assert store.load().refresh_token == "first"
        assert store.current() == store.load()
        assert files.reads == reads

    def test_under_the_lock_the_file_is_read_each_time(self, path: Path) -> None:
        files = CountingFiles()
        store = store_at(path, files=files)
        store.save(login(1))
        store.load()
        reads = files.reads
        with store.exclusive():
            store.load()
        assert files.reads > reads

    def test_nothing_is_current_before_the_first_load_and_after_a_change(self, path: Path) -> None:
        store = store_at(path)
        assert store.current() is None
        store.load()
        path.write_text("OAUTH_REFRESH_TOKEN=another\n")
        assert store.current() is None

    @pytest.mark.parametrize("half", [b"", TEXT.encode()[:40]])
    def test_a_file_that_an_editor_is_about_to_write_is_not_taken_for_a_lost_login(
        self, path: Path, half: bytes
    ) -> None:
        files = CountingFiles()
        store = store_at(path, files=files)
        store.load()
        files.instead = [half, half]
        path.touch()
        os.utime(path, ns=(1, 1))
        assert store.load().refresh_token == "first"

    def test_a_file_that_was_emptied_is_empty(self, path: Path) -> None:
        store = store_at(path)
        store.load()
        path.write_text("")
        assert store.load() == TokenSet()

    def test_a_symbolic_link_that_was_set_anew_is_seen(self, path: Path, tmp_path: Path) -> None:
        link, other = tmp_path / "link", tmp_path / "other"
        other.write_text("OAUTH_REFRESH_TOKEN=other\n")
        link.symlink_to(path)
        store = store_at(link)
        assert store.load().refresh_token == "first"
        link.unlink()
        link.symlink_to(other)
        assert store.load().refresh_token == "other"

    def test_what_cannot_be_read_is_told_with_its_name(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "wide").write_bytes("A=1\n".encode("utf-16"))
        with pytest.raises(TokenStoreError, match=r"read from .*/folder: Not a regular file"):
            store_at(tmp_path / "folder").load()
        with pytest.raises(TokenStoreError, match=r"read from .*/wide: it is encoded in UTF-16; save it as UTF-8"):
            store_at(tmp_path / "wide").load()

    def test_a_value_that_is_not_utf_8_harms_nothing(self, path: Path) -> None:
        path.write_bytes(b"OAUTH_REFRESH_TOKEN=a\xff\n")
        store = store_at(path)
        with store.exclusive():
            tokens = store.load()
            assert tokens.refresh_token == "a\ufffd"
            store.save(refuse(tokens, "a\ufffd", reason="invalid_grant", now=ISSUED_AT))
        assert path.read_bytes() == b"OAUTH_REFRESH_TOKEN=a\xff\n"


class TestSaving:
    def test_three_values_change_and_nothing_else(self, path: Path) -> None:
        store = store_at(path)
        with store.exclusive():
            store.save(login(1))
        assert path.read_text() == TEXT.replace("first", "refresh-1") + (
            "OAUTH_ACCESS_TOKEN=access-1\nOAUTH_ACCESS_TOKEN_EXPIRES_AT=2026-01-02T04:04:05.678901+00:00\n"
        )

    def test_a_save_without_the_lock_takes_it(self, path: Path) -> None:
        store = store_at(path)
        store.save(login(1))
        assert store.load() == login(1)

    def test_the_time_stays_as_it_is_written_while_it_is_the_same(self, path: Path) -> None:
        path.write_text("OAUTH_REFRESH_TOKEN=a\nOAUTH_ACCESS_TOKEN_EXPIRES_AT=1767323045\n")
        store = store_at(path)
        store.save(TokenSet(refresh_token="b", expires_at=store.load().expires_at))
        assert path.read_text() == "OAUTH_REFRESH_TOKEN=b\nOAUTH_ACCESS_TOKEN_EXPIRES_AT=1767323045\n"

    def test_a_setback_does_not_touch_the_file(self, path: Path) -> None:
        files = FaultyFiles()
        store = store_at(path, files=files)
        before = path.stat()
        with store.exclusive():
            store.save(refuse(store.load(), "first", reason="invalid_grant", now=ISSUED_AT))
        assert path.stat() == before
        assert "replace" not in files.steps

    def test_what_was_saved_is_seen_at_once_though_the_files_look_the_same(self, path: Path) -> None:
        store, sidecar = store_at(path), path.with_name(".env.lock")
        store.prove_storable()
        store.save(login(1))
        before = store.load()
        known = sidecar.stat()
        store.save(refuse(before, "refresh-1", reason="invalid_grant", now=ISSUED_AT))
        os.utime(sidecar, ns=(known.st_mtime_ns, known.st_mtime_ns))
        assert sidecar.stat().st_size == known.st_size
        assert store.load().setback is not None

    def test_a_new_file_and_its_lock_are_private(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            store_at(tmp_path / ".env").save(login(1))
        finally:
            os.umask(before)
        assert mode(tmp_path / ".env") == 0o600
        assert mode(tmp_path / ".env.lock") == 0o600

    def test_the_mode_is_kept(self, path: Path) -> None:
        path.chmod(0o640)
        store_at(path).save(login(1))
        assert mode(path) == 0o640

    def test_a_symbolic_link_stays_and_is_followed(self, path: Path, tmp_path: Path) -> None:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        (folder / ".env").symlink_to(path)
        store_at(folder / ".env").save(login(1))
        assert (folder / ".env").is_symlink()
        assert dotenv_values(path)["OAUTH_REFRESH_TOKEN"] == "refresh-1"
        assert names(folder) == [".env"]
        assert names(tmp_path) == [".env", ".env.lock", "elsewhere"]

    def test_a_symbolic_link_to_nothing_yet_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / ".env").symlink_to("real")
        store_at(tmp_path / ".env").save(login(1))
        assert (tmp_path / ".env").is_symlink()
        assert dotenv_values(tmp_path / "real")["OAUTH_REFRESH_TOKEN"] == "refresh-1"

    def test_a_lock_file_that_others_can_read_is_taken_out_of_their_hands_before_a_token_is_in_it(
        self, path: Path
    ) -> None:
        sidecar = path.with_name(".env.lock")
        sidecar.touch()
        sidecar.chmod(0o664)
        with store_at(path).exclusive():
            assert mode(sidecar) == 0o600

    def test_a_lock_file_that_cannot_be_taken_out_of_others_hands_gets_no_token(self, path: Path) -> None:
        store = store_at(path, files=FaultyFiles(failing(errno.EPERM, "keep_private")))
        store.save(login(1))
        assert path.with_name(".env.lock").read_bytes() == b""
        assert store.load() == login(1)
        assert store_at(path).load().refresh_token == "refresh-1"

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
    def test_a_lock_file_belongs_to_whom_the_file_belongs(self, path: Path) -> None:
        os.chown(path, 12345, 23456)
        store_at(path).save(login(1))
        known = path.with_name(".env.lock").stat()
        assert (known.st_uid, known.st_gid) == (12345, 23456)

    def test_other_keys_edited_by_hand_during_a_save_are_kept(self, path: Path) -> None:
        def edit(step: str) -> None:
            if step == "imitate":
                path.write_text(path.read_text().replace("'a b'", "'mine'"))
                files.before_step = at_ease

        files = FaultyFiles(edit)
        store_at(path, files=files).save(login(1))
        values = dotenv_values(path)
        assert (values["LLM_MODEL_NAME"], values["OAUTH_REFRESH_TOKEN"]) == ("mine", "refresh-1")
        assert names(path.parent) == [".env", ".env.lock"]

    def test_a_refresh_token_pasted_during_the_very_save_is_not_overwritten(self, path: Path) -> None:
        def paste(step: str) -> None:
            if step == "imitate":
                path.write_text("OAUTH_REFRESH_TOKEN=pasted\n")
                files.before_step = at_ease

        files = FaultyFiles(paste)
        store = store_at(path, files=files)
        with pytest.raises(TokenStoreError, match="was replaced while another one was being renewed"):
            rotate(store, login(1))
        assert path.read_text() == "OAUTH_REFRESH_TOKEN=pasted\n"
        assert store.load() == store_at(path).load() == TokenSet(refresh_token="pasted")
        assert store.trouble() is None

    def test_a_file_that_changes_again_and_again_is_given_up_for_now(self, path: Path) -> None:
        def edit(step: str) -> None:
            if step == "imitate":
                path.write_text(path.read_text() + "A=1\n")

        files = FaultyFiles(edit)
        store = store_at(path, files=files)
        with pytest.raises(TokenStoreError, match="changed again and again"):
            store.save(login(1))
        assert store.load() == store_at(path).load() == login(1)

    @pytest.mark.parametrize("garbage", [b"", b"\x00\xff", b" []\n", b" {", b' {"access_token": 5}\n', b"\n" * 9])
    def test_a_spoilt_lock_file_harms_nothing(self, path: Path, garbage: bytes) -> None:
        store_at(path).save(login(1))
        (path.parent / ".env.lock").write_bytes(garbage)
        store = store_at(path)
        assert store.load().issued_at is None
        store.save(login(2))
        assert store_at(path).load() == login(2)

    def test_an_access_token_put_in_by_hand_has_no_time_of_issue(self, path: Path) -> None:
        store = store_at(path)
        store.save(login(1))
        path.write_text(path.read_text().replace("access-1", "pasted"))
        assert store.load().issued_at is None

    def test_readers_see_one_login_or_the_next_never_a_mixture(self, path: Path) -> None:
        store, done = store_at(path), threading.Event()
        store.save(login(0))
        seen: set[TokenSet] = set()

        def read() -> None:
            while not done.is_set():
                seen.add(replace(store.load(), issued_at=ISSUED_AT))

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(1, 15):
            store.save(login(number))
        done.set()
        for reader in readers:
            reader.join()
        assert seen
        assert seen <= {login(number) for number in range(15)}
