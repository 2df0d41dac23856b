import io
import logging
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import dotenv
import httpx
import pytest

from adapters.sandbox.controls import SandboxControls
from adapters.sandbox.server import Sandbox
from domain.http import HttpRequest, find_header
from tests.adapters.sandbox.exchanges import access_token_of, ask, refresh
from tests.fakes.clock import FakeClock


def test_it_starts_and_stops_at_once_even_with_open_streams(clock: FakeClock) -> None:
    with ExitStack() as open_things:
        http = open_things.enter_context(httpx.Client(trust_env=False))
        sandbox = Sandbox(clock).start()
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {access_token_of(refresh(http, sandbox, sandbox.controls.issue_login()))}"}
        stalled = http.stream("POST", sandbox.chat_url, json=ask("/fail stall", stream=True), headers=headers)
        response = open_things.enter_context(stalled)
        pieces = response.iter_bytes()  # kept: httpx closes the connection when its iterator is forgotten
        assert next(pieces)
        assert sandbox.controls.answers.open == 1

        sandbox.stop()

        assert time.monotonic() - began < 2
        assert sandbox.controls.answers.open == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(sandbox.models_url, trust_env=False)


def test_it_stops_twice_and_starts_again_where_it_was(clock: FakeClock) -> None:
    sandbox = Sandbox(clock)
    sandbox.start()
    address = sandbox.url
    sandbox.stop()
    sandbox.stop()
    with sandbox:
        assert sandbox.url == address
        with pytest.raises(RuntimeError):
            sandbox.start()


def test_a_taken_port_is_told(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Sandbox(clock, port=taken.getsockname()[1]).start()


def test_it_listens_on_loopback_only(sandbox: Sandbox) -> None:
    for address in (sandbox.token_endpoint, sandbox.chat_url, sandbox.models_url):
        assert urlsplit(address).hostname == "127.0.0.1"


def test_it_leaves_no_thread_behind(clock: FakeClock) -> None:
    with Sandbox(clock):
        assert any(thread.name == "oca-sandbox" for thread in threading.enumerate())
    before = [thread for thread in threading.enumerate() if thread.name == "oca-sandbox"]
    with Sandbox(clock):
        pass
    assert [thread for thread in threading.enumerate() if thread.name == "oca-sandbox"] == before


def test_it_is_silent_and_leaves_logging_alone(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "")
    before = [(logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names]
    caplog.set_level(logging.INFO)
    with Sandbox(clock) as sandbox, socket.create_connection(("127.0.0.1", sandbox.port)) as raw:
        raw.sendall(b"this is not HTTP\r\n\r\n")
        assert b"400" in raw.recv(100)
    caplog.set_level(logging.NOTSET)

    assert not [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore", "asyncio"))]
    assert [(logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names][:3] == before[:3]


def test_the_env_text_reads_back_as_written(sandbox: Sandbox) -> None:
    token = sandbox.controls.issue_login()

    assert dotenv.dotenv_values(stream=io.StringIO(sandbox.env_text(token))) == {
        "OAUTH_TOKEN_URL": sandbox.token_endpoint,
        "OAUTH_CLIENT_ID": sandbox.client_id,
        "OAUTH_REFRESH_TOKEN": token,
        "LLM_API_URL": sandbox.chat_url,
        "LLM_MODELS_API_URL": sandbox.models_url,
        "LLM_MODEL_NAME": sandbox.default_model,
    }


def test_its_module_is_imported_without_a_server_framework() -> None:
    program = "import sys, adapters.sandbox.server; print({'uvicorn', 'starlette', 'asyncio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)

    assert done.stdout.strip() == "set()"


def test_received_requests_are_kept_as_they_came(sandbox: Sandbox, http: httpx.Client) -> None:
    http.post(f"{sandbox.chat_url}?a=1&b=%2F", content=b'{"raw": 1}', headers={"X-Custom": "yes"})

    (received,) = sandbox.controls.received
    assert (received.method, received.url) == ("POST", "/v1/chat/completions?a=1&b=%2F")
    assert received.body == b'{"raw": 1}'
    assert find_header(received.headers, "x-custom") == "yes"


def test_only_so_many_requests_are_kept(clock: FakeClock) -> None:
    controls = SandboxControls(clock)
    for number in range(300):
        controls.record(HttpRequest(method="GET", url=f"/{number}"))
    assert (len(controls.received), controls.received[-1].url) == (256, "/299")

    for _ in range(3):
        controls.record(HttpRequest(method="POST", url="/big", body=bytes(40 * 1024 * 1024)))
    assert len(controls.received) == 1


def test_a_large_question_is_answered(sandbox: Sandbox, http: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {access_token_of(refresh(http, sandbox, sandbox.controls.issue_login()))}"}
    response = http.post(sandbox.chat_url, json=ask("word " * 1_000_000), headers=headers)

    assert response.status_code == 200
    assert len(response.content) < 5000


def test_a_small_answer_does_not_wait_for_an_acknowledgement(sandbox: Sandbox, http: httpx.Client) -> None:
    times = [http.get(sandbox.models_url).elapsed.total_seconds() for _ in range(8)]

    # With Nagle's algorithm at work, all but the first few would take 40 ms.
    assert min(times[4:]) < 0.03


def test_every_answer_is_dated_and_numbered(sandbox: Sandbox, http: httpx.Client) -> None:
    response = http.get(sandbox.models_url)

    assert response.headers["date"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert response.headers["x-request-id"].startswith("req_")
