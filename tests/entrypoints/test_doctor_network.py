"""`oca doctor` finds what is wrong on the way to the servers, each fault as one failed line."""

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from adapters.clock.system import SystemClock
from adapters.sandbox.server import Sandbox
from domain.checkup import Blame, Check, CheckState
from tests.adapters.transport.conftest import free_port, serving
from tests.entrypoints.doctor_scene import (
    Front,
    by_tls,
    change,
    examine,
    in_state,
    resolving_nothing_but,
    state_of,
    the_failure,
    the_warning,
)
from tests.entrypoints.stack import sandbox, write_env
from tests.fakes.clock import FakeClock
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.wire_server import WireConnection, WireRequest, WireServer

Secured = Callable[[str, int, int], list[Check]]
HERE = resolving_nothing_but("127.0.0.1")


@pytest.fixture
def world() -> Iterator[Sandbox]:
    with sandbox(SystemClock()) as running:
        yield running


@pytest.fixture
def env(tmp_path: Path, world: Sandbox) -> Path:
    return write_env(tmp_path, world)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA(organization_name="Company CA")


@pytest.fixture(scope="module")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "company.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


def test_a_healthy_world_passes_every_check(env: Path, world: Sandbox, ca: trustme.CA, ca_file: Path) -> None:
    world.controls.word_pause = timedelta(milliseconds=10)
    with Front(world.port, tls=serving(ca.issue_cert("127.0.0.1"))) as front:
        checks = examine(by_tls(env, world, front, ca_file))
    assert {check.state for check in checks} == {CheckState.PASSED}
    tls = next(check for check in checks if check.name.value == "tls")
    assert "Company CA" in tls.finding.en
    assert "EXTRA_CA_CERTS" in tls.finding.zh
    stream = next(check for check in checks if check.name.value == "stream")
    assert stream.details["flowing"] == "streams"
    # Neither the check-up's question to the token endpoint nor a second look spends a refresh token.
    assert world.controls.tokens.grants == 1
    assert {check.state for check in examine(env, offline=True)} == {CheckState.PASSED, CheckState.SKIPPED}


def test_a_login_that_is_good_is_not_renewed_by_looking(env: Path, world: Sandbox) -> None:
    for _ in range(2):
        assert in_state(examine(env), CheckState.FAILED) == []
    assert (world.controls.tokens.grants, world.controls.tokens.reuses) == (1, 0)


def test_a_name_that_nobody_knows(env: Path) -> None:
    found = the_failure(examine(change(env, LLM_API_URL="https://llm.corp/v1", LLM_MODELS_API_URL=None), resolve=HERE))
    assert (found.id, found.fault, found.blame) == ("dns:llm.corp", "dns", Blame.UNREACHABLE)
    assert "LLM_API_URL" in str(found.mend)


def test_one_unknown_host_does_not_keep_the_other_from_being_checked(env: Path) -> None:
    checks = examine(change(env, OAUTH_TOKEN_URL="https://login.corp/token"), resolve=HERE)
    found = the_failure(checks)
    assert found.id == "dns:login.corp"
    assert "OAUTH_TOKEN_URL" in str(found.mend)
    assert {check.state for check in checks if check.id.startswith("direct:127")} == {CheckState.PASSED}


def test_a_port_that_is_closed(env: Path) -> None:
    port = free_port()
    path = change(env, LLM_API_URL=f"http://127.0.0.1:{port}/v1", LLM_MODELS_API_URL=None)
    found = the_failure(examine(path))
    assert (found.id, found.fault) == (f"direct:127.0.0.1:{port}", "refused")


def test_a_port_that_swallows_what_is_sent_to_it_is_the_connection_timeout(env: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        path = change(env, LLM_API_URL=f"http://127.0.0.1:{port}/v1", LLM_MODELS_API_URL=None, CONNECTION_TIMEOUT="0.3")
        found = the_failure(examine(path))
        for each in waiting:
            each.close()
    assert (found.name.value, found.fault) == ("direct", "timed_out")
    assert "CONNECTION_TIMEOUT" in found.finding.zh


class TestBehindAProxy:
    """The names of the servers are known to the proxy only."""

    @pytest.fixture
    def front(self, world: Sandbox, ca: trustme.CA) -> Iterator[Front]:
        with Front(world.port, tls=serving(ca.issue_cert("localhost")), host="localhost") as front:
            yield front

    @pytest.fixture
    def secure(self, env: Path, world: Sandbox, front: Front, ca_file: Path) -> Path:
        return by_tls(env, world, front, ca_file)

    def test_all_is_well_when_the_proxy_is(self, secure: Path) -> None:
        with ProxyServer(credentials="joe:p@ss w") as proxy:
            checks = examine(change(secure, HTTP_PROXY_URL=f"http://joe:p%40ss%20w@{proxy.authority}"), resolve=HERE)
        assert {check.state for check in checks} == {CheckState.PASSED, CheckState.SKIPPED}
        assert state_of(checks, "dns:localhost") is CheckState.SKIPPED
        assert [check.because for check in checks if check.because] == []
        assert state_of(checks, "chat") is CheckState.PASSED

    def test_a_proxy_that_is_down(self, secure: Path) -> None:
        authority = f"127.0.0.1:{free_port()}"
        found = the_failure(examine(change(secure, HTTP_PROXY_URL=f"http://{authority}"), resolve=HERE))
        assert (found.id, found.fault, found.blame) == (f"proxy:{authority}", "proxy_unreachable", Blame.UNREACHABLE)

    @pytest.mark.parametrize("login", ["", "joe:wrong@"], ids=["none", "wrong"])
    def test_a_proxy_that_wants_another_login(self, secure: Path, login: str) -> None:
        with ProxyServer(credentials="joe:right") as proxy:
            path = change(secure, HTTP_PROXY_URL=f"http://{login}{proxy.authority}")
            found = the_failure(examine(path, resolve=HERE))
        assert (found.id, found.fault) == (f"proxy:{proxy.authority}", "proxy_authentication")
        assert "407" in found.finding.zh

    def test_a_proxy_that_does_not_let_the_host_through(self, secure: Path) -> None:
        with ProxyServer(refusal="403 Forbidden") as proxy:
            found = the_failure(examine(change(secure, HTTP_PROXY_URL=proxy.url), resolve=HERE))
        assert (found.name.value, found.fault) == ("via_proxy", "proxy_refused")

    def test_a_host_that_the_proxy_does_not_find_either(self, secure: Path) -> None:
        with ProxyServer(refusal="502 Bad Gateway") as proxy:
            found = the_failure(examine(change(secure, HTTP_PROXY_URL=proxy.url), resolve=HERE))
        assert found.id == "dns:localhost"

    def test_a_proxy_that_is_not_needed_is_only_warned_of(self, env: Path) -> None:
        authority = f"127.0.0.1:{free_port()}"
        found = the_warning(examine(change(env, HTTP_PROXY_URL=f"http://{authority}")))
        assert (found.id, found.fault) == (f"proxy:{authority}", "proxy_unreachable")

    def test_a_way_that_is_closed_beside_a_proxy_that_works_is_only_warned_of(
        self, env: Path, world: Sandbox, secure: Path
    ) -> None:
        with ProxyServer() as proxy:
            # A look-up that leads where nothing listens.
            checks = examine(
                change(secure, HTTP_PROXY_URL=proxy.url),
                resolve=lambda host, port: [(0, 0, 0, "", ("127.0.0.2" if host == "localhost" else host, port))],
            )
        found = the_warning(checks)
        assert (found.name.value, found.fault) == ("direct", "refused")
        assert "the proxy is used" in found.finding.en

    def test_plain_http_goes_by_proxy_as_well(self, env: Path) -> None:
        with ProxyServer(credentials="joe:right") as proxy:
            good = examine(change(env, HTTP_PROXY_URL=f"http://joe:right@{proxy.authority}"))
            bad = examine(change(env, HTTP_PROXY_URL=f"http://joe:wrong@{proxy.authority}"))
        assert in_state(good, CheckState.WARNED) == []
        assert the_warning(bad).fault == "proxy_authentication"

    def test_a_proxy_that_speaks_tls(self, secure: Path, ca: trustme.CA, ca_file: Path) -> None:
        with ProxyServer(tls=serving(ca.issue_cert("127.0.0.1"))) as proxy:
            checks = examine(change(secure, HTTP_PROXY_URL=proxy.url), resolve=HERE)
        assert in_state(checks, CheckState.FAILED) == []

    def test_a_proxy_whose_certificate_is_not_trusted(self, secure: Path) -> None:
        with ProxyServer(tls=serving(trustme.CA().issue_cert("127.0.0.1"))) as proxy:
            found = the_failure(examine(change(secure, HTTP_PROXY_URL=proxy.url), resolve=HERE))
        assert (found.name.value, found.fault) == ("proxy", "unknown_ca")


class TestTls:
    @pytest.fixture
    def secured(self, env: Path, world: Sandbox, ca: trustme.CA, ca_file: Path) -> Secured:
        """Checks a world whose certificate is for this host, from one year to another."""

        def secured(host: str, begins: int, ends: int) -> list[Check]:
            certificate = ca.issue_cert(
                host,
                not_before=dt.datetime(begins, 1, 1, tzinfo=dt.UTC),
                not_after=dt.datetime(ends, 1, 1, tzinfo=dt.UTC),
            )
            with Front(world.port, tls=serving(certificate)) as front:
                return examine(by_tls(env, world, front, ca_file))

        return secured

    def test_a_ca_that_is_not_known(self, env: Path, world: Sandbox, ca: trustme.CA) -> None:
        with Front(world.port, tls=serving(ca.issue_cert("127.0.0.1"))) as front:
            found = the_failure(examine(by_tls(env, world, front, None)))
        assert (found.name.value, found.fault, found.blame) == ("tls", "unknown_ca", Blame.UNREACHABLE)
        assert "Company CA" in found.finding.en
        assert "EXTRA_CA_CERTS" in str(found.mend)

    @pytest.mark.parametrize(
        ("planted", "fault", "shown"),
        [
            (("127.0.0.1", 2019, 2020), "certificate_expired", "2020-01-01"),
            (("127.0.0.1", 2090, 2100), "certificate_not_yet_valid", "2090-01-01"),
            (("other.corp", 2019, 2100), "certificate_other_host", "other.corp"),
        ],
        ids=["expired", "not yet valid", "other host"],
    )
    def test_a_certificate_that_does_not_fit(
        self, secured: Secured, planted: tuple[str, int, int], fault: str, shown: str
    ) -> None:
        found = the_failure(secured(*planted))
        assert (found.name.value, found.fault) == ("tls", fault)
        assert shown in found.finding.zh

    def test_a_wrong_clock_is_told_in_place_of_certificates_that_seem_to_be_over(
        self, env: Path, ca: trustme.CA, ca_file: Path
    ) -> None:
        def answer(connection: WireConnection, request: WireRequest) -> None:
            connection.reply(headers=(("Date", "Wed, 05 Jun 2019 10:00:00 GMT"),))

        certificate = ca.issue_cert(
            "127.0.0.1",
            not_before=dt.datetime(2019, 1, 1, tzinfo=dt.UTC),
            not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        )
        with WireServer(answer, tls=serving(certificate)) as server:
            path = change(
                env,
                LLM_API_URL=f"{server.url}/v1",
                LLM_MODELS_API_URL=None,
                EXTRA_CA_CERTS=str(ca_file),
                LLM_API_KEY="a-key-in-place-of-a-login",
            )
            found = the_failure(examine(path))
        assert (found.id, found.fault, found.blame) == ("clock", "clock_skew", Blame.OTHER)

    def test_a_port_that_speaks_no_tls(self, env: Path, world: Sandbox) -> None:
        path = change(
            env,
            LLM_API_URL=world.chat_url.replace("http:", "https:"),
            LLM_MODELS_API_URL=None,
            LLM_API_KEY="a-key-in-place-of-a-login",
        )
        found = the_failure(examine(path))
        assert (found.name.value, found.fault) == ("tls", "tls")

    def test_a_handshake_that_hangs_is_the_connection_timeout(self, env: Path) -> None:
        with WireServer(on_connect=lambda connection: connection.pause()) as server:
            path = change(
                env,
                LLM_API_URL=server.url.replace("http:", "https:"),
                LLM_MODELS_API_URL=None,
                CONNECTION_TIMEOUT="0.3",
            )
            found = the_failure(examine(path))
        assert (found.name.value, found.fault) == ("tls", "timed_out")


@pytest.mark.parametrize(("off", "state"), [(30, "passed"), (120, "warned"), (3600, "failed"), (-7200, "failed")])
def test_a_clock_is_measured_by_what_the_servers_say(tmp_path: Path, off: int, state: str) -> None:
    clock = FakeClock(SystemClock().now() + timedelta(seconds=off))
    with sandbox(clock) as world:
        checks = examine(write_env(tmp_path, world))
    clocks = next(check for check in checks if check.id == "clock")
    assert clocks.state.value == state
    if state == "failed":
        assert the_failure(checks).fault == "clock_skew"
        assert ("behind" if off > 0 else "ahead") in clocks.finding.en
