"""The history as a file: bounded, private, harmless."""

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from adapters.token_journal.history import FileTokenHistory, history_of, program_name
from adapters.token_journal.history_lines import decode_line, encode_line
from domain.token_events import HistoryEntry, TokenEvent, TokenEventKind
from tests.fakes.clock import FakeClock

REFRESHED = TokenEvent(kind=TokenEventKind.REFRESHED, rotated=True, refresh_token_fingerprint="ab12")
ADOPTED = TokenEvent(kind=TokenEventKind.ADOPTED)
NOBODY = 65_534
FAILED = TokenEvent(kind=TokenEventKind.FAILED, why="status 503")
ENTRY = HistoryEntry(event=FAILED, at=FakeClock().now(), pid=1, program="a.py", host="other.example")


def history_at(folder: Path, **options: int | str) -> FileTokenHistory:
    max_bytes, program = int(options.get("max_bytes", 4096)), str(options.get("program", "oca serve"))
    return FileTokenHistory(env_file=folder / ".env", clock=FakeClock(), max_bytes=max_bytes, program=program)


def kinds(history: FileTokenHistory) -> list[TokenEventKind]:
    return [entry.event.kind for entry in history.recent(1000)]


def test_the_file_is_for_its_owner_only_and_lies_beside_the_real_env_file(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "prod.env").touch()
    (tmp_path / ".env").symlink_to(real / "prod.env")
    history_at(tmp_path).record(FAILED)
    path = real / "prod.env.history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert history_of(tmp_path / ".env") == path
    assert sorted(each.name for each in tmp_path.iterdir()) == [".env", "real"]


def test_a_line_is_json_with_these_keys(tmp_path: Path) -> None:
    history_at(tmp_path).record(REFRESHED)
    (line,) = (tmp_path / ".env.history").read_text().splitlines()
    document = json.loads(line)
    assert document.pop("host")
    assert document == {
        "at": "2026-01-02T03:04:05.000000+00:00",
        "kind": "refreshed",
        "why": "",
        "refresh_token_fingerprint": "ab12",
        "rotated": True,
        "took_s": 0.0,
        "clock_skew_s": None,
        "pid": os.getpid(),
        "program": "oca serve",
    }


@given(st.text(max_size=3000), st.text(max_size=50))
def test_whatever_a_server_says_is_one_short_line_that_can_be_read_again(why: str, program: str) -> None:
    event = TokenEvent(kind=TokenEventKind.DEAD, why=why)
    line = encode_line(HistoryEntry(event=event, at=FakeClock().now(), pid=1, program=program, host="h"))
    assert line.count(b"\n") == 1
    assert len(line) < 16 * 1024
    entry = decode_line(line)
    assert entry is not None
    assert entry.event.why.isprintable()


def test_no_secret_gets_into_the_file(tmp_path: Path) -> None:
    why = "refused refresh_token=planted-1 with Authorization: Bearer planted-2 at https://me:planted-3@proxy.example"
    history_at(tmp_path).record(TokenEvent(kind=TokenEventKind.FAILED, why=why))
    assert "planted" not in (tmp_path / ".env.history").read_text()


def test_the_history_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    history = history_at(tmp_path, max_bytes=4096)
    for number in range(400):
        history.record(TokenEvent(kind=TokenEventKind.FAILED, why=str(number)))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * 4096 + 1000
    numbers = [int(entry.event.why) for entry in history.recent(1000)]
    assert numbers == list(range(400))[-len(numbers) :]
    assert len(numbers) > 15
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env.history", ".env.history.old"]


def test_one_who_still_writes_into_the_renamed_file_is_read_too(tmp_path: Path) -> None:
    history = history_at(tmp_path, max_bytes=1000)
    while not (tmp_path / ".env.history.old").exists():
        history.record(FAILED)
    (tmp_path / ".env.history").unlink()
    with (tmp_path / ".env.history.old").open("ab") as late:
        late.write(encode_line(ENTRY))
    assert history.recent(1) == (ENTRY,)


def test_a_file_that_is_renamed_while_it_is_read_is_not_told_twice(tmp_path: Path) -> None:
    history = history_at(tmp_path)
    history.record(FAILED)
    # What a reader meets that opens the one just before, and the other just after.
    os.link(tmp_path / ".env.history", tmp_path / ".env.history.old")
    assert kinds(history) == [TokenEventKind.FAILED]


def test_lines_that_are_torn_strange_or_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    history = history_at(tmp_path, max_bytes=1 << 20)
    history.record(FAILED)
    later = json.dumps(json.loads(encode_line(ENTRY)) | {"kind": "login"}).encode()
    naive = encode_line(ENTRY).replace(b"+00:00", b"")
    strange = [b"{}", b"[]", b"null", b"\xff\xfe", b'{"at": 5, "kind": "dead"}', b"", b"[" * 100_000, later, naive]
    with (tmp_path / ".env.history").open("ab") as file:
        file.write(b"\n".join(strange) + b"\n" + encode_line(ENTRY)[:40])
    history.record(REFRESHED)
    assert kinds(history) == [TokenEventKind.FAILED, TokenEventKind.REFRESHED]


def test_a_file_that_somebody_has_made_huge_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / ".env.history").open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + encode_line(ENTRY))
    assert history_at(tmp_path).recent(5) == (ENTRY,)


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    """A path that nobody can write to, not even root."""
    blocked = tmp_path / ".env.history"
    blocked.mkdir()
    yield tmp_path
    blocked.rmdir()


def test_a_history_that_cannot_be_written_disturbs_nobody_and_is_told_of_once(unwritable: Path) -> None:
    history = history_at(unwritable)
    with capture_logs() as lines:
        for _ in range(3):
            history.record(FAILED)
            history.record(ADOPTED)
            assert history.recent(3) == ()
    (line,) = lines
    assert (line["log_level"], line["path"]) == ("warning", str(unwritable / ".env.history"))


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder of somebody else's: root, whom no permission binds, is nobody for as long as the test lasts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="no permissions of this kind on this system")
def test_a_read_only_folder_disturbs_nobody(read_only_folder: Path) -> None:
    with capture_logs() as lines:
        history_at(read_only_folder).record(FAILED)
    assert "denied" in lines[0]["why"]


def test_a_folder_that_is_not_there_disturbs_nobody(tmp_path: Path) -> None:
    history = history_at(tmp_path / "gone")
    with capture_logs() as lines:
        history.record(FAILED)
    assert os.strerror(errno.ENOENT) in lines[0]["why"]
    assert history.recent(1) == ()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_what_is_no_file_is_not_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env.history")
    with capture_logs() as lines:
        history_at(tmp_path).record(FAILED)
    assert "Not a regular file" in lines[0]["why"]


@pytest.mark.skipif(os.name != "posix", reason="no limits on this system")
def test_a_disk_that_fills_up_within_a_line_costs_that_line_and_no_other(tmp_path: Path) -> None:
    import resource
    import signal

    history = history_at(tmp_path, max_bytes=1 << 20)
    history.record(FAILED)
    size = (tmp_path / ".env.history").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # A file that may grow by 20 bytes: the next write is cut short.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))
    try:
        with capture_logs() as lines:
            history.record(FAILED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert os.strerror(errno.ENOSPC) in lines[0]["why"]
    assert (tmp_path / ".env.history").stat().st_size == size + 20
    history.record(REFRESHED)
    assert kinds(history) == [TokenEventKind.FAILED, TokenEventKind.REFRESHED]


def other_process_refreshes(folder: Path, *, minute: int) -> None:
    at = FakeClock().now() + timedelta(minutes=minute)
    with (folder / ".env.history").open("ab") as file:
        file.write(encode_line(HistoryEntry(event=REFRESHED, at=at, pid=1, program="a.py", host="other.example")))


def test_an_adoption_is_noted_once_for_each_refresh_and_says_whose_it_was(tmp_path: Path) -> None:
    first, second = history_at(tmp_path), history_at(tmp_path)
    for minute in (1, 2):
        other_process_refreshes(tmp_path, minute=minute)
        for _ in range(3):
            first.record(ADOPTED)
            second.record(ADOPTED)
    assert kinds(first) == [TokenEventKind.REFRESHED, TokenEventKind.ADOPTED] * 2
    assert first.recent(1)[0].event.why == "renewed by a.py, pid 1"


def test_a_process_adopts_nothing_from_itself(tmp_path: Path) -> None:
    history = history_at(tmp_path)
    history.record(REFRESHED)
    history.record(FAILED)
    history.record(ADOPTED)
    assert kinds(history) == [TokenEventKind.REFRESHED, TokenEventKind.FAILED]


def test_an_adoption_from_nobody_known_is_noted_once(tmp_path: Path) -> None:
    history = history_at(tmp_path)
    for _ in range(3):
        history.record(ADOPTED)
    assert [entry.event.why for entry in history.recent(9)] == [""]


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/venv/bin/oca", "serve", "--port", "8000"], "oca serve"),
        (["/venv/bin/oca"], "oca"),
        (["/venv/bin/oca", "--env-file", "x", "token"], "oca"),
        (["/app/entrypoints/ui.py"], "ui.py"),
        (["/lib/uvicorn/__main__.py", "entrypoints.api:app"], "uvicorn"),
        (["nightly.py", "a-secret"], "nightly.py"),
        (["-c", "secret"], "python"),
        ([""], "python"),
        ([], "python"),
    ],
)
def test_a_process_is_called_by_its_script_and_never_by_what_it_was_told(argv: list[str], name: str) -> None:
    assert program_name(argv) == name
