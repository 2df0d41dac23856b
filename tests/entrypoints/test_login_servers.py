"""`oca login` beside others: running servers, a second login, servers with paths and names of their own."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from adapters.sandbox.authorization_controls import LoginFault
from adapters.sandbox.world import Endpoint
from config.container import build_container
from config.settings import load_settings
from domain.errors import ConfigurationError, TokenEndpointUnavailableError, TokenError
from domain.flows import access_token_flow
from entrypoints.api import create_app
from entrypoints.logging_in import Way
from entrypoints.status import look
from tests.entrypoints.login_scene import Scene, by_device, scene
from tests.fakes.live_server import LiveServer
from tests.fakes.tls_front import TlsFront


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as one:
        yield one


def test_two_logins_at_once_leave_one_of_them_whole(at: Scene) -> None:
    at.controls.consents_at_once = True
    brought = [at.sandbox.controls.issue_login() for _ in range(2)]
    containers = [at.container() for _ in brought]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        from domain.known_server import find_server_flow
        from domain.login_flows import prove_refresh_token_flow

        plan, driver = containers[number].login_plan(), containers[number].blocking_driver()
        try:
            known = driver.run(find_server_flow(plan))
            driver.run(prove_refresh_token_flow(plan, known, brought[number]))
        except TokenError as error:
            failures.append(error)

    people = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join(30)
    assert failures == []
    container = at.container()
    token = container.store().load().access_token or ""
    assert at.sandbox.controls.logins.accepts(token)
    assert container.blocking_driver().run(access_token_flow(container.credential(), rejected=token))


def test_a_running_server_takes_the_new_login_at_once(at: Scene) -> None:
    at.log_in()
    at.sandbox.controls.revoke_login()
    settings = load_settings(env_file=at.env_file, environ={})
    question = {"messages": [{"role": "user", "content": "hi"}], "model": at.sandbox.default_model}
    with LiveServer(create_app(build_container(settings))) as server, httpx.Client(trust_env=False, timeout=30) as http:
        url = f"{server.url}/v1/chat/completions"
        dead = http.post(url, json=question)
        assert (dead.status_code, dead.json()["error"]["code"]) == (503, "login_required")
        assert "oca login" in dead.json()["error"]["message"]
        at.log_in()
        assert http.post(url, json=question).status_code == 200


@pytest.mark.parametrize("way", [Way.BROWSER, Way.TOKEN])
def test_a_server_with_other_paths_behind_a_private_ca_is_renewed_where_it_was_learnt(at: Scene, way: Way) -> None:
    at.controls.paths[Endpoint.TOKEN] = "/token"
    with TlsFront(at.sandbox.port, at.env_file.parent) as front:
        at.controls.public_url = front.url
        at.env_file.write_text(
            f"OAUTH_HOST={front.host}\nOAUTH_CLIENT_ID={at.sandbox.client_id}\nEXTRA_CA_CERTS={front.ca_file}\n"
        )
        at.log_in(way, visit=plainly(at, front.url), refresh_token=at.sandbox.controls.issue_login())
        assert at.said.count("https://localhost") <= 2
        discovery = json.loads((at.env_file.parent / ".env.discovery").read_text())
        assert discovery["servers"][front.url]["token_endpoint"] == f"{front.url}/token"
        asked = at.controls.requests_at(Endpoint.TOKEN)
        # Another process, which knows nothing but the folder.
        container = at.container()
        token = container.store().load().access_token
        assert container.blocking_driver().run(access_token_flow(container.credential(), rejected=token)) != token
        assert at.controls.requests_at(Endpoint.TOKEN) == asked + 1
        assert look(at.env_file).token_endpoint == f"{front.url}/token"
        documents = at.controls.requests_at(Endpoint.OPENID_CONFIGURATION)
        at.log_in(way, visit=plainly(at, front.url), refresh_token=at.sandbox.controls.issue_login())
        assert at.controls.requests_at(Endpoint.OPENID_CONFIGURATION) == documents


def plainly(at: Scene, front: str) -> Callable[[str], None]:
    """A browser that reaches the sandbox without its TLS."""

    def visit(address: str) -> None:
        at.browser.log_in(address.replace(front, at.sandbox.url))

    return visit


def test_a_server_that_names_another_issuer_is_refused_unless_the_preset_says_otherwise(at: Scene) -> None:
    at.controls.metadata_changes["issuer"] = "https://identity.example/"
    with pytest.raises(ConfigurationError, match="OAUTH_PRESET=idcs"):
        at.log_in()
    at.controls.faults |= {LoginFault.NO_ID_TOKEN}
    at.controls.metadata_changes["authorization_response_iss_parameter_supported"] = False
    at.controls.offline_needs_consent = False
    at.controls.polling_interval = timedelta(seconds=1)
    at.add(OAUTH_PRESET="idcs")
    by_device(at)
    assert at.values["OAUTH_REFRESH_TOKEN"]
    (asked,) = at.controls.asked_at(Endpoint.DEVICE)
    assert asked.fields["response_type"] == "device_code"


def test_a_server_that_is_away_is_told_before_anybody_opens_a_browser(at: Scene) -> None:
    at.sandbox.stop()
    with pytest.raises(TokenEndpointUnavailableError, match="did not answer"):
        at.log_in()
    assert at.said == ""


def test_a_file_that_cannot_be_written_is_told_before_anybody_opens_a_browser(at: Scene) -> None:
    # A folder in the place of the lock stops root, too, to whom nothing is read-only.
    lock = at.env_file.with_name(f"{at.env_file.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    with pytest.raises(TokenError):
        at.log_in()
    assert at.said == ""
