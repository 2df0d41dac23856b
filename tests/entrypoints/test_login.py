"""`oca login` against a strict authorization server: each way, and what goes wrong in it."""

import re
import socket
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.world import CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET, Endpoint
from domain.errors import LoginFailedError
from domain.flows import access_token_flow
from domain.token_events import TokenEventKind
from entrypoints.logging_in import Way
from entrypoints.status import look
from entrypoints.status_report import LoginState
from tests.entrypoints.login_scene import Scene, by_device, scene


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as one:
        yield one


def test_by_the_browser_the_login_is_stored_and_nothing_else_changes(at: Scene) -> None:
    before = at.env_file.read_text()
    way, logged_in = at.log_in()
    assert way is Way.BROWSER
    assert str(logged_in.person) == "ada@sandbox.example"
    assert at.env_file.read_text().startswith(before)
    assert at.values["OAUTH_REFRESH_TOKEN"] == logged_in.tokens.refresh_token
    assert stat.S_IMODE(at.env_file.stat().st_mode) == 0o600
    # The address is told, whether a browser opens or not.
    assert at.sandbox.place_of(Endpoint.AUTHORIZE) in at.said
    assert "Thank you" in at.browser.pages[-1].text


def test_the_tokens_that_come_can_be_used_and_renewed(at: Scene) -> None:
    at.log_in()
    container = at.container()
    token = container.blocking_driver().run(access_token_flow(container.credential()))
    renewed = container.blocking_driver().run(access_token_flow(container.credential(), rejected=token))
    assert at.sandbox.controls.logins.accepts(renewed)
    assert at.sandbox.controls.tokens.reuses == 0


def test_status_tells_of_the_login_and_whose_it_is(at: Scene) -> None:
    at.log_in()
    report = look(at.env_file)
    assert (report.login, str(report.person)) == (LoginState.FINE, "ada@sandbox.example")
    assert [entry.event.kind for entry in report.events] == [TokenEventKind.LOGGED_IN]
    assert report.last_refresh is not None


def test_strangers_at_the_callback_do_not_end_the_wait(at: Scene) -> None:
    def visit(address: str) -> None:
        redirect = parse_qs(urlsplit(address).query)["redirect_uri"][0]
        with httpx.Client(trust_env=False) as stranger:
            assert stranger.get(f"{redirect}?code=stolen&state=guessed").status_code == 400
            assert stranger.get(f"{redirect}?error=access_denied").status_code == 400
            assert stranger.get(redirect.replace("/callback", "/favicon.ico")).status_code == 404
        at.browser.log_in(address)

    at.log_in(visit=visit)
    assert at.values["OAUTH_REFRESH_TOKEN"]


def test_a_denial_ends_the_login_with_its_reason(at: Scene) -> None:
    with pytest.raises(LoginFailedError, match="declined in the browser"):
        at.log_in(visit=lambda address: at.browser.log_in(address, allow=False))
    assert "Not logged in" in at.browser.pages[-1].text
    assert "OAUTH_REFRESH_TOKEN" not in at.values


def test_nobody_waits_longer_than_the_limit(at: Scene) -> None:
    at.add(OAUTH_LOGIN_TIMEOUT="0.05")
    with pytest.raises(LoginFailedError, match="OAUTH_LOGIN_TIMEOUT"):
        at.log_in(visit=lambda _address: None)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (LoginFault.WRONG_CALLBACK_ISS, "RFC 9207"),
        (LoginFault.NO_CALLBACK_ISS, "RFC 9207"),
        (LoginFault.NO_REFRESH_TOKEN, "offline_access"),
        (LoginFault.NO_NONCE, "nonce"),
        (LoginFault.WRONG_NONCE, "nonce"),
        (LoginFault.WRONG_AUDIENCE, "another client"),
        (LoginFault.WRONG_ISSUER, "and not by"),
        (LoginFault.EXPIRED_ID_TOKEN, "expired"),
    ],
)
def test_an_answer_that_is_not_right_in_every_point_costs_the_older_login_nothing(
    at: Scene, fault: LoginFault, words: str
) -> None:
    at.log_in()
    before = at.env_file.read_text()
    at.controls.faults.add(fault)
    with pytest.raises(LoginFailedError, match=words):
        at.log_in()
    assert at.env_file.read_text() == before
    container = at.container()
    assert container.blocking_driver().run(access_token_flow(container.credential()))


@pytest.mark.parametrize("fault", [LoginFault.METADATA_STATUS_500, LoginFault.METADATA_HTML, LoginFault.NO_ID_TOKEN])
def test_a_server_without_documents_or_id_tokens_is_good_enough(at: Scene, fault: LoginFault) -> None:
    at.controls.faults.add(fault)
    _, logged_in = at.log_in()
    assert at.values["OAUTH_REFRESH_TOKEN"]
    assert (logged_in.person is None) is (fault is LoginFault.NO_ID_TOKEN)


def test_the_callback_comes_to_the_first_listed_port_that_is_free(at: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as soon_free:
        ports = (taken.getsockname()[1], soon_free.getsockname()[1])
        soon_free.close()
        redirect = f"http://localhost:{ports[1]}/auth/oca"
        at.controls.redirect_uris = frozenset({redirect})
        at.add(
            OAUTH_REDIRECT_PORTS=f"{ports[0]},{ports[1]}",
            OAUTH_REDIRECT_PATH="/auth/oca",
            OAUTH_REDIRECT_HOSTS="localhost",
        )
        at.log_in()
    assert at.values["OAUTH_REFRESH_TOKEN"]


def test_a_server_that_takes_none_of_our_addresses_shows_that_in_the_browser_alone(at: Scene) -> None:
    at.controls.redirect_uris = frozenset({"http://127.0.0.1:1/listed"})
    at.add(OAUTH_LOGIN_TIMEOUT="0.5")
    with pytest.raises(LoginFailedError, match="No answer came"):
        at.log_in()


def test_a_confidential_client_logs_in_by_each_way(at: Scene) -> None:
    at.add(OAUTH_CLIENT_ID=CONFIDENTIAL_CLIENT_ID, OAUTH_CLIENT_SECRET=CONFIDENTIAL_CLIENT_SECRET)
    for way in (Way.BROWSER, Way.DEVICE):
        if way is Way.BROWSER:
            at.log_in(way)
        else:
            by_device(at)
        token = at.values["OAUTH_REFRESH_TOKEN"]
        assert token
        at.log_in(Way.TOKEN, refresh_token=token)
        assert at.values["OAUTH_REFRESH_TOKEN"] != token


def test_by_device_the_code_is_told_and_entered_elsewhere(at: Scene) -> None:
    by_device(at)
    assert at.values["OAUTH_REFRESH_TOKEN"]
    assert re.search(r"enter the code [A-Z]{4}-[A-Z]{4}", at.said)
    assert at.sandbox.place_of(Endpoint.VERIFICATION) in at.said


def test_by_device_a_denial_is_told(at: Scene) -> None:
    with pytest.raises(LoginFailedError, match="declined"):
        by_device(at, allow=False)


def test_over_ssh_the_device_is_chosen_where_the_server_has_it_and_pasting_elsewhere(at: Scene) -> None:
    at.controls.device_code_lifetime = timedelta(seconds=1)
    ssh = {"SSH_CONNECTION": "a b c d", "DISPLAY": ":10"}
    with pytest.raises(LoginFailedError, match="not entered in time"):
        at.log_in(None, environ=ssh)
    at.controls.absent.add(Endpoint.DEVICE)
    with pytest.raises(LoginFailedError, match="No address was pasted"):
        at.log_in(None, environ=ssh)
    with pytest.raises(LoginFailedError, match="oca login --paste"):
        at.log_in(Way.DEVICE)
    assert at.log_in(None)[0] is Way.BROWSER


def consented(at: Scene) -> str:
    """The address that a browser ends at on another machine, where nothing listens."""
    address = next(line for line in reversed(at.said.splitlines()) if line.startswith("http"))
    return at.browser.press(at.browser.open(address)).headers["location"]


def test_by_pasting_the_address_of_the_other_machine_is_taken_once_it_is_this_logins(at: Scene) -> None:
    def person() -> Iterator[str]:
        yield "http://127.0.0.1:1/callback?code=c&state=an-earlier-one"
        yield ""
        yield consented(at)

    way, logged_in = at.log_in(Way.PASTE, pasted=person())
    assert (way, str(logged_in.person)) == (Way.PASTE, "ada@sandbox.example")
    assert at.said.count("not the answer to this login") == 1
    assert at.values["OAUTH_REFRESH_TOKEN"]


def test_by_pasting_the_code_alone_is_enough(at: Scene) -> None:
    def person() -> Iterator[str]:
        yield parse_qs(urlsplit(consented(at)).query)["code"][0]

    at.log_in(Way.PASTE, pasted=person())
    assert at.values["OAUTH_REFRESH_TOKEN"]


def test_a_refresh_token_that_is_brought_counts_once_it_has_worked(at: Scene) -> None:
    brought = at.sandbox.controls.issue_login()
    at.log_in(Way.TOKEN, refresh_token=brought)
    first = at.values["OAUTH_REFRESH_TOKEN"]
    assert first
    assert first != brought
    with pytest.raises(LoginFailedError, match="invalid_grant"):
        at.log_in(Way.TOKEN, refresh_token="made-up")
    assert at.values["OAUTH_REFRESH_TOKEN"] == first
    # The stored one is renewed, and not taken for another login.
    at.log_in(Way.TOKEN, refresh_token=first)
    assert at.values["OAUTH_REFRESH_TOKEN"] not in (first, brought, None)
    assert at.sandbox.controls.tokens.reuses == 0
