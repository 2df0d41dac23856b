"""A port that is taken, and by whom."""

import errno
import os
import socket
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from domain.errors import ListenError
from entrypoints.cli import app
from entrypoints.port_holder import holder_of, not_listening
from tests.adapters.transport.conftest import free_port
from tests.entrypoints.failure_scenes import keyed


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Port {port} on 127.0.0.1 is already in use, by "), ("zh", "127.0.0.1 的端口 {port} 已被占用，占用者：")],
)
def test_the_program_that_has_it_is_named(language: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(keyed("http://127.0.0.1:1/v1"), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ("serve", "--port", str(port), "--env-file", str(path), "--lang", language)
        result = CliRunner().invoke(app, [*words])
    assert result.exit_code == 1
    assert told.format(port=port) in result.stderr
    assert psutil.Process().name() in result.stderr
    assert str(os.getpid()) in result.stderr
    assert "OCA_PORT" in result.stderr


def test_a_process_that_cannot_be_seen_is_another_users(monkeypatch: pytest.MonkeyPatch) -> None:
    assert holder_of(free_port()).en == "another user's process"

    def refused(kind: str) -> list[object]:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refused)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert holder_of(taken.getsockname()[1]).zh == "其他用户的进程"


@pytest.mark.parametrize(
    ("number", "en", "zh"),
    [
        (
            errno.EACCES,
            "Cannot listen on 127.0.0.1 port 80: permission denied. Choose",
            "无法监听 127.0.0.1 的端口 80：权限不足。",
        ),
        (errno.EADDRNOTAVAIL, "OCA_HOST 127.0.0.1 is not an address of this machine. Set", "不是本机的地址。请设为"),
    ],
)
def test_whatever_else_is_wrong_with_an_address_is_told_with_its_mend(number: int, en: str, zh: str) -> None:
    error = not_listening("127.0.0.1", 80, OSError(number, os.strerror(number)))
    assert isinstance(error, ListenError)
    assert en in error.text.en
    assert zh in error.text.zh
