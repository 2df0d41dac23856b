"""Names, connections and proxies, looked at on bare sockets."""

import socket
import threading
from typing import Any

import pytest

from adapters.checkup.sockets import ProxyAddress, Reach
from domain.checkup_ways import Target
from domain.errors import Cause
from domain.words import Text
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

REACH = Reach(limit_s=5)
KEYS = Text.of("LLM_API_URL")


def leading_to(*addresses: str) -> Reach:
    entries: list[Any] = [(0, 0, 0, "", (address, 0)) for address in addresses]
    return Reach(limit_s=5, resolve=lambda _host, _port: entries)


def test_a_look_up_that_hangs_ends_with_the_limit() -> None:
    leave = threading.Event()

    def hang(_host: str, _port: int) -> list[Any]:
        leave.wait(20)
        return []

    probe = Reach(limit_s=0.1, resolve=hang).look_up("llm.corp", 443)
    leave.set()
    assert probe.cause is Cause.DNS
    assert "0.1 s" in probe.words.en


def test_a_name_that_can_be_none_is_not_resolved() -> None:
    assert REACH.look_up("a" * 100 + ".corp", 1).cause is Cause.DNS


def test_addresses_are_told_once() -> None:
    probe = leading_to("10.0.0.1", "10.0.0.1", "10.0.0.2").look_up("llm.corp", 443)
    assert probe.details["addresses"] == "10.0.0.1, 10.0.0.2"


def test_a_name_without_addresses_is_not_reached() -> None:
    assert leading_to().dial("llm.corp", 1).cause is Cause.UNREACHABLE


def test_the_second_address_is_tried_when_the_first_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert leading_to("127.0.0.9", "127.0.0.1").dial("llm.corp", listener.getsockname()[1]).well


def test_other_failures_are_told_in_the_systems_words() -> None:
    # A broadcast address takes no connections.
    probe = leading_to("255.255.255.255").dial("llm.corp", 9)
    assert probe.cause in {Cause.OTHER, Cause.UNREACHABLE}


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", Cause.OTHER),
        (b"HTTP/1.1 200 Connection established\r\n\r\n", None),
        (b"HTTP/1.1 407\r\n\r\n", Cause.PROXY_AUTHENTICATION),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Cause.PROXY_REFUSED),
        (b"HTTP/1.1 200", Cause.OTHER),
    ],
)
def test_what_a_proxy_says_to_connect_is_understood(said: bytes, cause: Cause | None) -> None:
    def say(connection: WireConnection, request: WireRequest) -> None:
        connection.send(said)
        connection.close()

    with WireServer(say) as server:
        proxy = ProxyAddress(host="127.0.0.1", port=server.port)
        probe = REACH.by_proxy(Target(host="llm.corp", port=443, secure=True, keys=KEYS), proxy)
    assert probe.cause in {cause, Cause.PROXY_UNREACHABLE if cause is Cause.OTHER else cause}


def test_a_proxy_that_says_nothing_is_not_waited_for() -> None:
    with WireServer(lambda connection, _: connection.pause()) as server:
        proxy = ProxyAddress(host="127.0.0.1", port=server.port)
        probe = Reach(limit_s=0.2).by_proxy(Target(host="llm.corp", port=443, secure=True, keys=KEYS), proxy)
    assert probe.cause is Cause.SILENT


def test_credentials_do_not_show() -> None:
    proxy = ProxyAddress(host="::1", port=3128, authorization="Basic c2VjcmV0")
    assert "c2Vj" not in repr(proxy)
    assert proxy.authority == "[::1]:3128"


def test_a_port_that_takes_connections_is_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert REACH.dial("127.0.0.1", listener.getsockname()[1]).well
