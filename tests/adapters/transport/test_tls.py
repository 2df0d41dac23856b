"""TLS is checked always; a company's own CA is added to what the system trusts."""

import datetime as dt
import ssl
import threading
import warnings
from pathlib import Path

import pytest
import trustme

from adapters.transport.tls import tls_context
from domain.errors import Cause, CertificateError, ConfigurationError, NotConnectedError
from tests.adapters.transport.conftest import NewTransport, limits, serving
from tests.fakes.wire_server import WireConnection, WireServer


def test_a_private_ca_is_refused_until_it_is_added(
    new_transport: NewTransport, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    with WireServer(tls=server_tls) as server:
        stranger = new_transport(tls=tls_context([]))
        for attempt in (stranger.send, stranger.open):
            with pytest.raises(CertificateError) as caught:
                attempt(f"{server.url}/?key=secret")
            message = str(caught.value)
            assert server.authority in message
            assert "unable to get local issuer certificate" in message
            assert caught.value.cause is Cause.UNKNOWN_CA
            assert "secret" not in message
            assert isinstance(caught.value, NotConnectedError)
        assert not server.requests
        friend = new_transport(tls=tls_context([ca_file]))
        assert friend.send(server.url).body == b"ok"
        assert friend.read(server.url) == b"ok"


def test_a_certificate_for_another_host_is_refused(
    new_transport: NewTransport, ca: trustme.CA, company_tls: ssl.SSLContext
) -> None:
    with WireServer(tls=serving(ca.issue_cert("other.example"))) as server:
        client = new_transport(tls=company_tls)
        with pytest.raises(CertificateError, match=r"certificate is not valid for '127\.0\.0\.1'"):
            client.send(server.url)


def test_an_expired_certificate_is_refused(
    new_transport: NewTransport, ca: trustme.CA, company_tls: ssl.SSLContext
) -> None:
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    expired = serving(ca.issue_cert("127.0.0.1", not_after=past))
    with WireServer(tls=expired) as server, pytest.raises(CertificateError, match="certificate has expired"):
        new_transport(tls=company_tls).send(server.url)


def test_old_tls_is_refused(new_transport: NewTransport, ca: trustme.CA, company_tls: ssl.SSLContext) -> None:
    old = serving(ca.issue_cert("127.0.0.1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with WireServer(tls=old) as server, pytest.raises(NotConnectedError) as caught:
        new_transport(tls=company_tls).send(server.url)
    assert not isinstance(caught.value, CertificateError)


def test_http_1_1_alone_is_offered(new_transport: NewTransport, ca: trustme.CA, company_tls: ssl.SSLContext) -> None:
    eager = serving(ca.issue_cert("127.0.0.1"))
    eager.set_alpn_protocols(["h2", "http/1.1"])
    with WireServer(tls=eager) as server:
        client = new_transport(tls=company_tls)
        assert client.read(server.url) == b"ok"
        assert client.send(server.url).body == b"ok"


def test_pooled_tls_connections_are_used_again(
    new_transport: NewTransport, server_tls: ssl.SSLContext, company_tls: ssl.SSLContext
) -> None:
    with WireServer(tls=server_tls) as server:
        client = new_transport(tls=company_tls)
        for _ in range(3):
            assert client.read(server.url) == b"ok"
        assert len(server.connections) == 1


def test_one_handshake_that_hangs_holds_up_no_other(
    new_transport: NewTransport, server_tls: ssl.SSLContext, company_tls: ssl.SSLContext
) -> None:
    client = new_transport(tls=company_tls)

    def hang(authority: str) -> None:
        with pytest.raises(NotConnectedError):
            client.send(f"https://{authority}/", timeouts=limits(connect=3))

    reached = threading.Event()

    def silent(connection: WireConnection) -> None:
        reached.set()
        connection.pause()

    with WireServer(on_connect=silent) as dead, WireServer(tls=server_tls) as alive:
        hanging = threading.Thread(target=hang, args=(dead.authority,))
        hanging.start()
        assert reached.wait(5)
        assert client.send(alive.url, timeouts=limits(connect=1)).body == b"ok"
        assert hanging.is_alive()
        dead.connections[0].close()
        hanging.join()


def test_added_certificates_leave_the_systems_in_place(ca_file: Path) -> None:
    alone, added = tls_context([]), tls_context([ca_file])
    assert added.cert_store_stats()["x509_ca"] == alone.cert_store_stats()["x509_ca"] + 1
    assert added.verify_mode is ssl.CERT_REQUIRED
    assert added.check_hostname
    assert added.minimum_version is ssl.TLSVersion.TLSv1_2


def test_ssl_cert_file_of_the_process_environment_is_honoured(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert "trustme" in str(tls_context([]).get_ca_certs())


def test_ssl_cert_file_of_the_env_file_is_added(ca_file: Path) -> None:
    assert tls_context([], ca_file).cert_store_stats() == tls_context([ca_file]).cert_store_stats()


def test_a_system_without_certificates_gets_the_bundled_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setenv("SSL_CERT_FILE", str(empty / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(empty))
    monkeypatch.setattr("adapters.transport.tls.SYSTEM_CA_FILES", ())
    assert tls_context([]).cert_store_stats()["x509_ca"] > 50


def test_an_issuing_ca_is_trusted_without_the_root_above_it(
    new_transport: NewTransport, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = trustme.CA()
    issuing = root.create_child_ca()
    certificate = issuing.issue_cert("127.0.0.1")
    path = tmp_path_factory.mktemp("issuing") / "issuing.pem"
    issuing.cert_pem.write_to_path(str(path))
    with WireServer(tls=serving(certificate)) as server:
        assert new_transport(tls=tls_context([path])).send(server.url).body == b"ok"


def test_every_wrong_file_is_named_with_its_key_and_fault(
    tmp_path_factory: pytest.TempPathFactory, ca_file: Path
) -> None:
    folder = tmp_path_factory.mktemp("pem")
    missing, garbage = folder / "missing.pem", folder / "garbage.pem"
    garbage.write_text("not a certificate")
    with pytest.raises(ConfigurationError) as caught:
        tls_context([missing, ca_file, garbage], folder / "env.pem")
    first, second, third = map(str, caught.value.problems)
    assert first == f"EXTRA_CA_CERTS: {missing} cannot be read: no such file or directory."
    assert second.startswith(f"EXTRA_CA_CERTS: {garbage} is not a PEM file")
    assert third.startswith(f"SSL_CERT_FILE: {folder / 'env.pem'} cannot be read")
