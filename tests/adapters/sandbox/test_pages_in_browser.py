"""The authorization server's pages in a real Chromium: what they forbid themselves does not stop the login."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from typing_extensions import override

from adapters.sandbox.server import Sandbox
from tests.adapters.sandbox.login_requests import LoginRequests, authorize_address
from tests.fakes.browser import browser as real_browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


class Callback(http.server.BaseHTTPRequestHandler):
    """The program that waits for the browser to come back."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<h1>Came back</h1>")

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with real_browser() as one:
        yield one


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context() as context:
        context.set_default_timeout(30_000)
        yield context.new_page()


@pytest.fixture
def callback() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/callback"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("button", "brought"), [("Allow · 允许", "?code="), ("Deny · 拒绝", "?error=access_denied")])
def test_a_decision_leads_back_to_the_program(
    sandbox: Sandbox, page: Page, callback: str, button: str, brought: str
) -> None:
    page.goto(authorize_address(sandbox, redirect_uri=callback))
    page.get_by_role("button", name=button).click()

    expect(page.get_by_role("heading")).to_have_text("Came back")
    assert page.url.startswith(f"{callback}{brought}")


def test_a_typed_code_is_allowed(program: LoginRequests, page: Page) -> None:
    answer = program.device()
    page.goto(answer["verification_uri"])
    page.get_by_label("Code · 代码").fill(answer["user_code"].lower())
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("main")).to_contain_text(answer["user_code"])
    page.get_by_role("button", name="Allow").click()

    expect(page.get_by_role("heading")).to_contain_text("Access allowed")
    assert program.poll(answer["device_code"]).status_code == 200
