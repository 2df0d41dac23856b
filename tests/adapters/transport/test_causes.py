"""Why an exchange failed, as a value: the same over either library."""

import datetime as dt
import socket
import ssl
from collections.abc import Callable

import pytest
import trustme

from domain.errors import Cause, CertificateError, NotConnectedError, ResponseTimeoutError
from domain.http import Route
from tests.adapters.transport.conftest import NewTransport, free_port, limits, serving
from tests.adapters.transport.test_not_connected import unresponsive_port
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.upstream_server import silence
from tests.fakes.wire_server import WireConnection, WireServer

Issue = Callable[[trustme.CA], trustme.LeafCert]


def moment(year: int) -> dt.datetime:
    return dt.datetime(year, 1, 1, tzinfo=dt.UTC)


CERTIFICATES: dict[Cause, Issue] = {
    Cause.UNKNOWN_CA: lambda ca: ca.issue_cert("127.0.0.1"),
    Cause.CERTIFICATE_EXPIRED: lambda ca: ca.issue_cert("127.0.0.1", not_after=moment(2020)),
    Cause.CERTIFICATE_NOT_YET_VALID: lambda ca: ca.issue_cert(
        "127.0.0.1", not_before=moment(2090), not_after=moment(2099)
    ),
    Cause.CERTIFICATE_OTHER_HOST: lambda ca: ca.issue_cert("elsewhere.example"),
}


@pytest.mark.parametrize("cause", CERTIFICATES)
def test_a_certificate_is_refused_for_one_cause(
    new_transport: NewTransport, ca: trustme.CA, company_tls: ssl.SSLContext, cause: Cause
) -> None:
    tls = None if cause is Cause.UNKNOWN_CA else company_tls
    with WireServer(tls=serving(CERTIFICATES[cause](ca))) as server, pytest.raises(CertificateError) as caught:
        new_transport(tls=tls).send(server.url)
    assert caught.value.cause is cause
    assert "的证书未通过验证：" in caught.value.text.zh


def test_a_name_that_does_not_resolve(new_transport: NewTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotConnectedError) as caught:
        new_transport().send("http://api.example.com/")
    assert caught.value.cause is Cause.DNS
    assert caught.value.text.zh == "无法直接连接 api.example.com:80：无法解析主机名（DNS）"


def test_a_port_on_which_nobody_listens(new_transport: NewTransport) -> None:
    with pytest.raises(NotConnectedError) as caught:
        new_transport().send(f"http://127.0.0.1:{free_port()}/")
    assert caught.value.cause is Cause.REFUSED
    assert caught.value.text.zh.endswith("：连接被拒绝")


def test_a_connection_that_takes_too_long_tells_how_long(new_transport: NewTransport) -> None:
    with unresponsive_port() as port, pytest.raises(NotConnectedError) as caught:
        new_transport().send(f"http://127.0.0.1:{port}/", timeouts=limits(connect=0.1))
    assert caught.value.cause is Cause.TIMED_OUT
    assert caught.value.text.en.endswith(": timed out after 0.1 s")
    assert caught.value.text.zh.endswith("：连接超时（0.1 秒）")


def test_a_server_that_says_nothing_is_silent(new_transport: NewTransport) -> None:
    with WireServer(silence) as server, pytest.raises(ResponseTimeoutError) as caught:
        new_transport().send(server.url, timeouts=limits(read=0.1))
    assert caught.value.cause is Cause.SILENT
    assert "0.1 秒内没有任何响应" in caught.value.text.zh


def test_a_port_that_does_not_speak_tls(new_transport: NewTransport) -> None:
    def shout(connection: WireConnection) -> None:
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with WireServer(on_connect=shout) as server, pytest.raises(NotConnectedError) as caught:
        new_transport().send(f"https://{server.authority}/")
    assert caught.value.cause is Cause.TLS


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_is_told_from_a_server_that_is(new_transport: NewTransport, scheme: str) -> None:
    transport = new_transport(proxy_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NotConnectedError) as caught:
        transport.send(f"{scheme}://127.0.0.1:{free_port()}/", route=Route.PROXY)
    assert caught.value.cause is Cause.PROXY_UNREACHABLE
    assert caught.value.text.zh.startswith("无法通过代理服务器 127.0.0.1:")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("proxy", "cause"),
    [
        (lambda: ProxyServer(credentials="a:b"), Cause.PROXY_AUTHENTICATION),
        (lambda: ProxyServer(refusal="407 Proxy Authentication Required"), Cause.PROXY_AUTHENTICATION),
    ],
)
def test_a_proxy_that_wants_a_login(
    new_transport: NewTransport, scheme: str, proxy: Callable[[], ProxyServer], cause: Cause
) -> None:
    with proxy() as running, pytest.raises(NotConnectedError) as caught:
        new_transport(proxy_url=running.url).send(f"{scheme}://127.0.0.1:{free_port()}/", route=Route.PROXY)
    assert caught.value.cause is cause


def test_a_proxy_that_forbids_a_host(new_transport: NewTransport) -> None:
    with ProxyServer(refusal="403 Forbidden") as proxy, pytest.raises(NotConnectedError) as caught:
        new_transport(proxy_url=proxy.url).send(f"https://127.0.0.1:{free_port()}/", route=Route.PROXY)
    assert caught.value.cause is Cause.PROXY_REFUSED
    assert caught.value.text.zh.endswith("：代理服务器拒绝了请求：403 Forbidden")
