"""The way through HTTP_PROXY_URL: tunnels for https, absolute form for http, credentials for the proxy alone."""

import ssl

import pytest
import trustme

from adapters.transport.peers import ForwardProxy
from adapters.transport.tls import tls_context
from domain.errors import CertificateError, ConfigurationError, NotConnectedError
from domain.http import Route
from tests.adapters.transport.conftest import NewTransport, free_port, limits, serving
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

CREDENTIALS = "joe:p@ss w\xf6rd"
IN_URL = "joe:p%40ss%20w%C3%B6rd"


def test_https_goes_through_a_tunnel_and_is_checked_end_to_end(
    new_transport: NewTransport, server_tls: ssl.SSLContext, company_tls: ssl.SSLContext
) -> None:
    with ProxyServer(credentials=CREDENTIALS) as proxy, WireServer(tls=server_tls) as server:
        client = new_transport(proxy_url=f"http://{IN_URL}@{proxy.authority}", tls=company_tls)
        assert client.send(server.url, route=Route.PROXY).body == b"ok"
        for _ in range(2):
            assert client.read(server.url, route=Route.PROXY) == b"ok"
        assert [(asked.method, asked.target) for asked in proxy.requests] == [("CONNECT", server.authority)] * 2
        assert all(request.header("Proxy-Authorization") is None for request in server.requests)

        stranger = new_transport(proxy_url=f"http://{IN_URL}@{proxy.authority}", tls=tls_context([]))
        with pytest.raises(CertificateError, match=f"through the proxy {proxy.authority}"):
            stranger.send(server.url, route=Route.PROXY)


def test_plain_http_goes_in_absolute_form(new_transport: NewTransport) -> None:
    with ProxyServer(credentials=CREDENTIALS) as proxy, WireServer() as server:
        client = new_transport(proxy_url=f"http://{IN_URL}@{proxy.authority}/")
        assert client.send(f"{server.url}/a?b=c", route=Route.PROXY).body == b"ok"
        assert client.read(f"{server.url}/a?b=c", route=Route.PROXY) == b"ok"
        assert [asked.target for asked in proxy.requests] == [f"{server.url}/a?b=c"] * 2
        assert [asked.header("Host") for asked in proxy.requests] == [server.authority] * 2
        assert all(request.header("Proxy-Authorization") is None for request in server.requests)


def test_the_direct_route_leaves_the_proxy_alone(new_transport: NewTransport) -> None:
    with ProxyServer(credentials=CREDENTIALS) as proxy, WireServer() as server:
        client = new_transport(proxy_url=f"http://{IN_URL}@{proxy.authority}")
        assert client.send(server.url, route=Route.DIRECT).body == b"ok"
        assert client.read(server.url, route=Route.DIRECT) == b"ok"
        assert not proxy.requests
        assert all(request.header("Proxy-Authorization") is None for request in server.requests)


def test_an_https_proxy_carries_both(
    new_transport: NewTransport, server_tls: ssl.SSLContext, company_tls: ssl.SSLContext
) -> None:
    with (
        ProxyServer(credentials=CREDENTIALS, tls=server_tls) as proxy,
        WireServer(tls=server_tls) as secure,
        WireServer() as plain,
    ):
        client = new_transport(proxy_url=f"https://{IN_URL}@{proxy.authority}", tls=company_tls)
        for url in (secure.url, plain.url):
            assert client.send(url, route=Route.PROXY).body == b"ok"
            assert client.read(url, route=Route.PROXY) == b"ok"


def test_an_https_proxy_that_is_not_trusted_is_named(new_transport: NewTransport, server_tls: ssl.SSLContext) -> None:
    with ProxyServer(tls=server_tls) as proxy:
        client = new_transport(proxy_url=proxy.url, tls=tls_context([]))
        for url in ("https://api.example.com/", "http://api.example.com/"):
            with pytest.raises(CertificateError, match=r"the certificate of 127\.0\.0\.1") as caught:
                client.send(url, route=Route.PROXY)
            assert "issuer" in str(caught.value)


def test_an_origin_behind_a_proxy_whose_certificate_is_wrong_is_named(
    new_transport: NewTransport, ca: trustme.CA, company_tls: ssl.SSLContext
) -> None:
    with ProxyServer() as proxy, WireServer(tls=serving(ca.issue_cert("other.example"))) as server:
        client = new_transport(proxy_url=proxy.url, tls=company_tls)
        with pytest.raises(CertificateError, match=r"not valid for '127\.0\.0\.1'"):
            client.send(server.url, route=Route.PROXY)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_means_never_connected(new_transport: NewTransport, scheme: str) -> None:
    port = free_port()
    client = new_transport(proxy_url=f"http://joe:secret@127.0.0.1:{port}")
    for attempt in (client.send, client.open):
        with pytest.raises(NotConnectedError) as caught:
            attempt(f"{scheme}://api.example.com/v1?key=secret", route=Route.PROXY)
        expected = f"could not connect to api.example.com:{443 if scheme == 'https' else 80} "
        assert str(caught.value) == f"{expected}through the proxy 127.0.0.1:{port}: connection refused"


@pytest.mark.parametrize(
    "refusal", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway", "503 Busy", "302 Found"]
)
def test_a_refused_tunnel_means_never_connected(new_transport: NewTransport, refusal: str) -> None:
    with ProxyServer(refusal=refusal) as proxy:
        client = new_transport(proxy_url=f"http://joe:secret@{proxy.authority}")
        for attempt in (client.send, client.open):
            with pytest.raises(NotConnectedError, match=f"the proxy refused: {refusal}$") as caught:
                attempt("https://api.example.com/", route=Route.PROXY)
            assert type(caught.value) is NotConnectedError


def test_plain_http_refused_for_want_of_credentials_means_never_connected(new_transport: NewTransport) -> None:
    with ProxyServer(credentials=CREDENTIALS) as proxy, WireServer() as server:
        client = new_transport(proxy_url=proxy.url)
        for attempt in (client.send, client.open):
            with pytest.raises(NotConnectedError, match="the proxy refused: 407"):
                attempt(server.url, route=Route.PROXY)
        assert not server.requests


def test_a_proxy_that_hangs_up_on_connect_means_never_connected(new_transport: NewTransport) -> None:
    with ProxyServer(hang_up=True) as proxy:
        client = new_transport(proxy_url=proxy.url)
        for attempt in (client.send, client.open):
            with pytest.raises(NotConnectedError) as caught:
                attempt("https://api.example.com/", route=Route.PROXY)
            assert not caught.value.timed_out


def test_a_proxy_that_dribbles_its_answer_to_connect_times_out_while_connecting(new_transport: NewTransport) -> None:
    def dribble(connection: WireConnection, request: WireRequest) -> None:
        connection.send(b"HTTP/1.1 200 ")
        while not connection.closed.is_set():
            connection.send(b"x")
            connection.pause(0.05)

    with WireServer(dribble) as proxy:
        client = new_transport(proxy_url=proxy.url)
        with pytest.raises(NotConnectedError, match="timed out") as caught:
            client.send("https://api.example.com/", route=Route.PROXY, timeouts=limits(connect=0.3))
        assert caught.value.timed_out


def test_a_route_that_is_not_there_is_never_connected(new_transport: NewTransport) -> None:
    with pytest.raises(NotConnectedError, match="HTTP_PROXY_URL is not set"):
        new_transport().send("https://api.example.com/", route=Route.PROXY)


@pytest.mark.parametrize("url", ["proxy:3128", "socks5://joe:secret@proxy", "http://", "http://joe:secret@proxy:x"])
def test_an_address_that_is_no_proxys_is_told_without_its_credentials(new_transport: NewTransport, url: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTP_PROXY_URL") as caught:
        new_transport(proxy_url=url)
    assert "secret" not in str(caught.value)


def test_a_proxys_credentials_show_nowhere() -> None:
    proxy = ForwardProxy.parse("http://joe:secret@[::1]:3128")
    assert (proxy.url, proxy.authority) == ("http://[::1]:3128", "[::1]:3128")
    assert proxy.authorization == "Basic am9lOnNlY3JldA=="
    assert "secret" not in repr(proxy)
    assert "am9l" not in repr(proxy)
