"""`oca doctor` finds what is wrong with the settings, the file and the login, each fault as one failed line."""

from datetime import timedelta
from pathlib import Path

import pytest

from adapters.clock.system import SystemClock
from domain.checkup import Blame, CheckState
from entrypoints.checkup_settings import read_settings
from tests.adapters.token_store.faulty_files import UNWRITABLE, FaultyFiles
from tests.entrypoints.doctor_scene import change, examine, in_state, state_of, the_failure, the_warning, write
from tests.entrypoints.stack import sandbox, write_env
from tests.fakes.upstream_server import UpstreamServer
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

GOOD = "sk-unchanging-key-0123456789"


def test_no_env_file_is_one_line_and_says_how_to_begin(tmp_path: Path) -> None:
    found = the_failure(examine(tmp_path / ".env"))
    assert (found.id, found.fault, found.blame) == ("env_file", "no_env_file", Blame.CONFIGURATION)
    assert "oca config init" in str(found.mend)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    assert the_failure(examine(tmp_path)).fault == "folder"


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("OAUTH_HOST=idp.corp\n".encode("utf-16"))
    assert the_failure(examine(tmp_path / ".env")).fault == "not_utf8"


def test_settings_may_come_from_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = read_settings(
        tmp_path / ".env", {"LLM_API_KEY": GOOD, "LLM_API_URL": "https://llm.corp/v1", "LLM_MODEL_NAME": "m"}
    )
    assert [check.state for check in reading.checks] == [CheckState.PASSED, CheckState.PASSED]


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("LLM_MODEL_NAME", None, "missing"),
        ("LLM_MODEL_NAME", "", "empty"),
        ("LLM_API_URL", "llm.corp/v1", "malformed"),
        ("CONNECTION_TIMEOUT", "soon", "malformed"),
        ("EXTRA_CA_CERTS", "/nowhere/ca.pem", "malformed"),
        ("LLM_MODEL_NAME", "<model>", "placeholder"),
        ("LLM_API_KEY", "your-api-key", "placeholder"),
    ],
)
def test_a_key_that_is_missing_or_wrong(tmp_path: Path, key: str, value: str | None, fault: str) -> None:
    with UpstreamServer() as upstream:
        path = change(write(tmp_path, upstream.env_text()), **{key: value})
        found = the_failure(examine(path))
    assert (found.id, found.fault, found.blame) == (f"settings:{key}", fault, Blame.CONFIGURATION)
    assert f"oca config set {key}" in str(found.mend)


def test_a_proxy_that_is_written_wrong_is_told_once_and_not_repeated(tmp_path: Path) -> None:
    with UpstreamServer() as upstream:
        path = change(write(tmp_path, upstream.env_text()), HTTP_PROXY_URL="socks5://joe:planted-secret@proxy")
        checks = examine(path)
    assert the_failure(checks).id == "settings:HTTP_PROXY_URL"
    assert "planted" not in repr(checks)


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with UpstreamServer() as upstream:
        path = write(tmp_path, upstream.env_text(EXTRA_CA_CERTS=tmp_path / "ca.pem"))
        found = the_failure(examine(path))
    assert (found.id, found.fault) == ("certificates", "bad_ca_file")


@pytest.mark.parametrize(
    ("line", "fault", "subject"),
    [
        ("LLM_MODEL_NMAE=x", "unknown_key", "LLM_MODEL_NMAE"),
        ("HTTPS_PROXY=http://127.0.0.1:1", "unknown_key", "HTTPS_PROXY"),
        ("LLM_SYSTEM_PROMPT=a\nLLM_SYSTEM_PROMPT=b", "twice", "LLM_SYSTEM_PROMPT"),
        ("OAUTH_SCOPE=“openid”", "quotes", "OAUTH_SCOPE"),
        ("OAUTH_SCOPE='a\u200bb'", "white_space", "OAUTH_SCOPE"),
        ("OCA_LANG", "", ""),
        ("this is = no line", "bad_line", ""),
    ],
)
def test_what_is_written_oddly_is_a_warning(tmp_path: Path, line: str, fault: str, subject: str) -> None:
    with UpstreamServer() as upstream:
        text = "\n".join(each for each in upstream.env_text().splitlines() if "NMAE" not in line or "NAME" not in each)
        path = write(tmp_path, f"{text}\n{line}\n")
        checks = examine(path, offline=True)
    warned = [(check.fault, check.subject) for check in in_state(checks, CheckState.WARNED)]
    if not fault:
        assert warned == []
    elif subject:
        assert warned == [(fault, subject)]
    else:
        assert [each[0] for each in warned] == [fault]


def test_spaces_within_a_scope_are_how_scopes_are_written(tmp_path: Path) -> None:
    with UpstreamServer() as upstream:
        checks = examine(write(tmp_path, upstream.env_text(OAUTH_SCOPE="openid offline_access")), offline=True)
    assert in_state(checks, CheckState.WARNED) == []


def test_a_byte_order_mark_and_open_doors_are_warned_of(tmp_path: Path) -> None:
    with UpstreamServer() as upstream:
        path = write(tmp_path, "\ufeff" + upstream.env_text())
        path.chmod(0o644)
        faults = {check.fault for check in in_state(examine(path), CheckState.WARNED)}
    assert faults == {"byte_order_mark", "readable_by_others"}


def test_the_hosts_of_the_documentation_are_warned_of(tmp_path: Path) -> None:
    with UpstreamServer() as upstream:
        text = upstream.env_text(LLM_MODELS_API_URL="https://models.example.com/v1/models")
        found = the_warning(examine(write(tmp_path, text), offline=True))
    assert (found.fault, found.subject) == ("placeholder", "LLM_MODELS_API_URL")


def test_a_proxy_without_a_scheme_is_warned_of(tmp_path: Path) -> None:
    with UpstreamServer() as upstream:
        text = upstream.env_text(HTTP_PROXY_URL="proxy.corp:3128")
        found = the_warning(examine(write(tmp_path, text), offline=True))
    assert (found.fault, found.subject) == ("no_scheme", "HTTP_PROXY_URL")


class TestTheLogin:
    def test_an_env_file_that_cannot_be_written(self, tmp_path: Path) -> None:
        with sandbox(SystemClock()) as world:
            found = the_failure(examine(write_env(tmp_path, world), files=FaultyFiles(UNWRITABLE)))
            assert world.controls.tokens.grants == 0
        assert (found.id, found.fault, found.blame) == ("token_store", "not_writable", Blame.CONFIGURATION)

    def test_a_store_that_is_not_there(self, tmp_path: Path) -> None:
        with sandbox(SystemClock()) as world:
            path = write_env(tmp_path, world, OAUTH_TOKEN_STORE="redis://joe:planted-secret@127.0.0.1:1/0")
            checks = examine(path)
        assert the_failure(checks).id == "token_store"
        assert "planted" not in repr(checks)

    def test_a_login_that_is_dead(self, tmp_path: Path) -> None:
        with sandbox(SystemClock()) as world:
            path = write_env(tmp_path, world)
            world.controls.revoke_login()
            found = the_failure(examine(path))
            again = the_failure(examine(path))
        for each in (found, again):
            assert (each.id, each.fault, each.blame) == ("token", "dead_login", Blame.LOGIN)
            assert "oca login" in str(each.mend)

    def test_a_login_that_is_missing(self, tmp_path: Path) -> None:
        with sandbox(SystemClock()) as world:
            found = the_failure(examine(change(write_env(tmp_path, world), OAUTH_REFRESH_TOKEN=None)))
        assert (found.id, found.fault, found.blame) == ("token", "no_login", Blame.LOGIN)

    def test_a_client_that_the_server_does_not_know_even_while_a_token_is_good(self, tmp_path: Path) -> None:
        with sandbox(SystemClock()) as world:
            path = write_env(tmp_path, world)
            before = the_failure(examine(change(path, OAUTH_CLIENT_ID="somebody-else")))
            assert in_state(examine(change(path, OAUTH_CLIENT_ID=world.client_id)), CheckState.FAILED) == []
            checks = examine(change(path, OAUTH_CLIENT_ID="somebody-else"))
            after = the_failure(checks)
            assert world.controls.tokens.grants == 1
        for found in (before, after):
            assert (found.id, found.fault, found.blame) == ("token_endpoint", "invalid_client", Blame.CONFIGURATION)
        assert state_of(checks, "chat") is CheckState.PASSED

    @pytest.mark.parametrize(
        ("status", "headers", "body", "fault"),
        [
            (200, (), b"<html><title>Guest network</title>", "html"),
            (200, (), b"hello", "unreadable_answer"),
            (302, (("Location", "https://portal.corp"),), b"", "redirect"),
            (404, (), b"", "not_found"),
            (401, (), b"", "invalid_client"),
            (400, (), b"{}", "status_400"),
            (500, (), b"{}", "status_500"),
        ],
    )
    def test_a_token_endpoint_that_is_none(
        self, tmp_path: Path, status: int, headers: tuple[tuple[str, str], ...], body: bytes, fault: str
    ) -> None:
        def answer(connection: WireConnection, request: WireRequest) -> None:
            connection.reply(body, status=status, headers=headers)

        with sandbox(SystemClock()) as world, WireServer(answer) as server:
            checks = examine(write_env(tmp_path, world, OAUTH_TOKEN_URL=f"{server.url}/token"))
        found = the_failure(checks)
        assert (found.id, found.fault) == ("token_endpoint", fault)
        assert state_of(checks, "token") is CheckState.SKIPPED

    def test_a_busy_token_endpoint_is_a_warning(self, tmp_path: Path) -> None:
        with sandbox(SystemClock()) as world:
            path = write_env(tmp_path, world)
            assert in_state(examine(path), CheckState.FAILED) == []
            with WireServer(lambda connection, request: connection.reply(status=503)) as server:
                found = the_warning(examine(change(path, OAUTH_TOKEN_URL=f"{server.url}/token")))
        assert (found.id, found.fault) == ("token_endpoint", "busy")

    def test_a_token_endpoint_that_hangs(self, tmp_path: Path) -> None:
        with sandbox(SystemClock()) as world:
            path = write_env(tmp_path, world, LLM_REQUEST_TIMEOUT="0.3")
            world.controls.answer_delay = timedelta(seconds=5)
            found = the_failure(examine(path))
        assert (found.id, found.fault) == ("token_endpoint", "answer_timeout")
