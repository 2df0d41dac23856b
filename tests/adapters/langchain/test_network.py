"""The way to the upstream: a proxy with credentials, a company's own certificates, a stranger's."""

import dataclasses
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from langchain_core.exceptions import ModelConnectionError

from tests.adapters.langchain.ways import WAYS, Way, hear, model_at
from tests.adapters.transport.conftest import free_port, serving
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.upstream_server import UpstreamServer
from tests.fakes.wire_server import WireRequest

ways = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "company.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="module")
def tls_upstream(ca: trustme.CA) -> Iterator[UpstreamServer]:
    context: ssl.SSLContext = serving(ca.issue_cert("127.0.0.1"))
    with UpstreamServer(tls=context) as upstream:
        yield upstream


FAR_PORT = free_port()


class OnlyWay(ProxyServer):
    """A proxy to a place that cannot be reached without it: it leads from FAR_PORT, where nobody listens, to `port`."""

    def __init__(self, port: int) -> None:
        super().__init__(credentials="joe:p@ss wörd")
        self._port = port

    async def _connect(self, request: WireRequest, reader: Any, writer: Any) -> None:
        there = request.target.replace(f":{FAR_PORT}", f":{self._port}")
        await super()._connect(dataclasses.replace(request, target=there), reader, writer)


@ways
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_proxy_is_used_with_its_credentials(
    tls_upstream: UpstreamServer, ca_file: Path, tmp_path: Path, way: Way, *, tls: bool
) -> None:
    with UpstreamServer() as plain:
        upstream = tls_upstream if tls else plain
        before = len(upstream.asked)
        with OnlyWay(upstream.port) as proxy:
            env: dict[str, object] = {
                "HTTP_PROXY_URL": f"http://joe:p%40ss%20w%C3%B6rd@{proxy.authority}",
                "EXTRA_CA_CERTS": ca_file,
                "LLM_API_URL": f"{'https' if tls else 'http'}://127.0.0.1:{FAR_PORT}/v1",
            }
            model = model_at(upstream, tmp_path, env=env)
            assert hear(way, model).message.text == "Hello"
            assert len(upstream.asked) - before == 1, "a question is not sent twice to find the way"
            assert upstream.asked[-1].header("Proxy-Authorization") is None
            assert upstream.asked[-1].header("Authorization") == "Bearer sk-unchanging-key-0123456789"
            assert {request.method for request in proxy.requests} <= ({"CONNECT"} if tls else {"HEAD", "POST"})
            assert all("sk-unchanging" not in str(request) for request in proxy.requests if tls)


@ways
def test_a_companys_own_certificates_are_trusted_where_they_are_named(
    tls_upstream: UpstreamServer, ca_file: Path, tmp_path: Path, way: Way
) -> None:
    model = model_at(tls_upstream, tmp_path, env={"EXTRA_CA_CERTS": ca_file})
    assert hear(way, model).message.text == "Hello"


@ways
def test_a_strangers_certificate_is_refused_and_told_of(tls_upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    error: Any = hear(way, model_at(tls_upstream, tmp_path, max_retries=3)).error

    assert isinstance(error, ModelConnectionError)
    assert "certificate" in str(error)
    assert "EXTRA_CA_CERTS" in str(error)


@ways
def test_the_environment_of_the_process_does_not_change_the_way(
    tmp_path: Path, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with UpstreamServer() as upstream:
        assert hear(way, model_at(upstream, tmp_path)).message.text == "Hello"


@ways
def test_an_upstream_that_is_not_there_is_named(tmp_path: Path, way: Way) -> None:
    with UpstreamServer() as upstream:
        model = model_at(upstream, tmp_path, base_url=f"http://127.0.0.1:{free_port()}/v1")
        error = hear(way, model).error
    assert isinstance(error, ModelConnectionError)
    assert "127.0.0.1" in str(error)
