"""What reaches the wire is the request, and nothing of the library, the environment or an earlier answer."""

import socket

import pytest

from adapters.transport.outgoing import SLICE_BYTES, slices
from domain.errors import NotConnectedError
from tests.adapters.transport.conftest import Client, limits
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer


def test_only_the_headers_that_a_request_needs_are_added(client: Client) -> None:
    with WireServer() as server:
        client.read(f"{server.url}/v1/models?limit=3")
        client.send(f"{server.url}/v1/models", method="POST")
    pooled, quick = server.requests
    assert (pooled.method, pooled.target) == ("GET", "/v1/models?limit=3")
    assert {name.lower() for name, _ in pooled.headers} == {"host", "user-agent", "accept-encoding"}
    assert pooled.header("Host") == server.authority
    assert (pooled.header("User-Agent") or "").startswith("oca-gateway")
    assert pooled.header("Accept-Encoding") == "identity"
    assert (quick.header("Content-Length"), quick.header("Connection")) == ("0", "close")


def test_the_requests_own_headers_win_and_arrive_byte_for_byte(client: Client) -> None:
    sent = (
        ("User-Agent", "mine/1"),
        ("Accept-Encoding", "gzip"),
        ("X-Latin", "caf\xe9"),
        ("X-Twice", "a"),
        ("X-Twice", "b"),
        ("Content-Type", "application/json"),
    )
    with WireServer() as server:
        client.send(server.url, method="POST", headers=sent, body=b"{}")
    arrived = server.requests[0].headers
    assert [pair for pair in arrived if pair[0] in dict(sent)] == list(sent)
    assert server.requests[0].body == b"{}"


def test_framing_is_the_transports_own(client: Client) -> None:
    sent = (("Content-Length", "999"), ("Transfer-Encoding", "chunked"), ("Proxy-Authorization", "Basic secret"))
    with WireServer() as server:
        client.send(server.url, method="POST", headers=sent, body=b"12345")
    request = server.requests[0]
    assert request.header("Content-Length") == "5"
    assert request.header("Transfer-Encoding") is None
    assert request.header("Proxy-Authorization") is None


@pytest.mark.parametrize(
    "header", [("Authorization", "Bearer se\ncret"), ("Authorization", "Bearer se\u4e2dcret"), ("Bad Name", "secret")]
)
def test_a_header_that_http_cannot_carry_is_refused_without_being_repeated(
    client: Client, header: tuple[str, str]
) -> None:
    with WireServer() as server:
        with pytest.raises(NotConnectedError) as caught:
            client.send(server.url, headers=(header,))
        assert not server.connections
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "ftp://localhost/", "http://", "http://localhost:99999/", "http:///path"])
def test_an_address_that_is_none_is_told_as_such(client: Client, url: str) -> None:
    with pytest.raises(NotConnectedError, match="address"):
        client.send(url)


def test_no_redirect_is_followed(client: Client) -> None:
    def redirect(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(status=307, headers=(("Location", "/elsewhere"),))

    with WireServer(redirect) as server:
        assert client.send(server.url, method="POST", body=b"x").status == 307
        stream = client.open(server.url)
        assert stream.status == 307
        stream.close()
        assert len(server.requests) == 2


def test_no_cookie_is_remembered(client: Client) -> None:
    def give_cookie(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(headers=(("Set-Cookie", "session=1; Path=/"),))

    with WireServer(give_cookie) as server:
        for _ in range(2):
            client.read(server.url)
            client.send(server.url)
    assert all(request.header("Cookie") is None for request in server.requests)


def test_the_environment_is_not_asked_for_proxies_or_credentials(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login joe password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with ProxyServer() as proxy, WireServer() as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        client.read(server.url)
        client.send(server.url)
        assert not proxy.requests
    assert all(request.header("Authorization") is None for request in server.requests)


def test_a_pooled_connection_is_used_again_once_its_answer_was_read(client: Client) -> None:
    with WireServer() as server:
        for _ in range(3):
            assert client.read(server.url) == b"ok"
        assert {request.connection for request in server.requests} == {0}


def test_a_stale_connection_is_not_used_again(client: Client) -> None:
    def answer_and_leave(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(b"ok")
        connection.close()

    with WireServer(answer_and_leave) as server:
        for _ in range(5):
            assert client.read(server.url) == b"ok"
            assert server.connections[-1].closed.wait(5)


def test_send_uses_a_connection_of_its_own_each_time(client: Client) -> None:
    with WireServer() as server:
        client.read(server.url)
        for _ in range(2):
            client.send(server.url)
            assert server.connections[-1].closed.wait(5)
        assert [request.connection for request in server.requests] == [0, 1, 2]


def test_a_large_body_goes_up_and_comes_down_whole(client: Client) -> None:
    def echo(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(request.body)

    body = bytes(range(256)) * (20 * 4096)
    with WireServer(echo) as server:
        assert client.send(server.url, method="POST", body=body).body == body
        stream = client.open(server.url, method="POST", body=body)
        assert b"".join(stream) == body
        stream.close()


def test_an_upload_may_take_longer_than_a_connect_may(client: Client) -> None:
    """Also over a connection that stands already: the limit of connecting is not the limit of each write."""

    def slow_reader(connection: WireConnection, request: WireRequest) -> None:
        connection.reply(b"ok")
        if not request.body:
            connection.stop_reading()
            connection.pause(0.5)
            connection.resume_reading()

    with WireServer(slow_reader) as server:
        assert client.read(server.url) == b"ok"
        stream = client.open(server.url, method="POST", body=bytes(16 * 1024 * 1024), timeouts=limits(connect=0.2))
        assert b"".join(stream) == b"ok"
        stream.close()
        assert [request.connection for request in server.requests] == [0, 0]


def test_a_body_leaves_in_slices_so_that_each_write_has_its_own_limit() -> None:
    body = bytes(range(256)) * 4096
    pieces = list(slices(body))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= SLICE_BYTES < len(body)


def test_localhost_is_reached_where_only_ipv4_listens(client: Client) -> None:
    with WireServer() as server:
        assert client.send(f"http://localhost:{server.port}/").body == b"ok"


def test_a_literal_ipv6_address_is_reached(client: Client) -> None:
    if not has_ipv6():
        pytest.skip("no IPv6 on this machine")
    with WireServer(host="::1") as server:
        assert client.send(server.url).body == b"ok"
        assert client.read(server.url) == b"ok"
        assert server.requests[0].header("Host") == server.authority


def test_an_address_that_refuses_leaves_the_turn_to_the_next_one(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `localhost` does where it means ::1 first and the server listens on 127.0.0.1 alone."""
    with WireServer() as server:

        def both(*args: object, **kwargs: object) -> list[object]:
            six = (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("::1", server.port, 0, 0))
            four = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", server.port))
            return [six, four]

        monkeypatch.setattr(socket, "getaddrinfo", both)
        assert client.send(f"http://both.example:{server.port}/").body == b"ok"
        assert client.read(f"http://both.example:{server.port}/") == b"ok"


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
