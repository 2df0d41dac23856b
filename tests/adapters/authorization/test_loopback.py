"""The loopback address that the browser comes back to."""

import re
import socket
from datetime import timedelta

import httpx
import pytest

from adapters.authorization.loopback import LoopbackListener, free_port
from domain.authorization import Callback, CodeGranted, Denied
from domain.errors import ListenError

SOON = timedelta(seconds=20)
NOT_YET = timedelta(milliseconds=1)
SECRET = "a-secret-code"


def judge(query: str) -> Callback | None:
    match query:
        case "code=a-secret-code":
            return CodeGranted(code=SECRET)
        case "error=access_denied":
            return Denied(error="access_denied")
        case _:
            return None


def listening(*ports: int, path: str = "/callback", hosts: tuple[str, ...] = ("127.0.0.1",)) -> LoopbackListener:
    listener = LoopbackListener(ports=ports or (0,), path=path, hosts=hosts)
    listener.expect(judge)
    return listener


def visit(listener: LoopbackListener, tail: str, method: str = "GET") -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=10) as browser:
        return browser.request(method, f"{listener.redirect_uri}{tail}")


@pytest.fixture
def listener() -> LoopbackListener:
    return listening()


def test_the_answer_that_is_meant_for_us_ends_the_wait_with_a_friendly_page(listener: LoopbackListener) -> None:
    with listener:
        assert listener.await_answer(limit=NOT_YET) is None
        page = visit(listener, f"?code={SECRET}")
        assert listener.await_answer(limit=SOON) == CodeGranted(code=SECRET)
    assert page.status_code == 200
    assert "Thank you" in page.text
    assert "谢谢" in page.text


def test_an_answer_that_comes_before_anybody_waits_is_not_lost(listener: LoopbackListener) -> None:
    with listener:
        assert visit(listener, f"?code={SECRET}").status_code == 200
        assert listener.await_answer(limit=NOT_YET) == CodeGranted(code=SECRET)


def test_before_it_is_known_what_to_expect_everybody_is_a_stranger() -> None:
    with LoopbackListener(ports=(0,), path="/callback") as early:
        assert visit(early, f"?code={SECRET}").status_code == 400


def test_strangers_are_told_so_and_the_wait_goes_on(listener: LoopbackListener) -> None:
    with listener:
        assert visit(listener, "?code=stolen").status_code == 400
        assert visit(listener, "").status_code == 400
        assert visit(listener, "/favicon.ico").status_code == 404
        assert visit(listener, "?code=a-secret-code", "POST").status_code == 501
        assert listener.await_answer(limit=NOT_YET) is None
        visit(listener, "?error=access_denied")
        assert listener.await_answer(limit=SOON) == Denied(error="access_denied")


def test_a_denial_has_a_page_of_its_own(listener: LoopbackListener) -> None:
    with listener:
        assert "Not logged in" in visit(listener, "?error=access_denied").text


def test_the_page_gives_nothing_away_and_needs_nothing_from_elsewhere(listener: LoopbackListener) -> None:
    with listener:
        page = visit(listener, f"?code={SECRET}")
    assert SECRET not in page.text
    assert not re.search(r"https?://|<script|<img|<link", page.text)
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "server" not in page.headers


def test_a_connection_that_says_nothing_holds_nobody_up(listener: LoopbackListener) -> None:
    port = int(listener.redirect_uri.rsplit(":", 1)[1].partition("/")[0])
    with listener, socket.create_connection(("127.0.0.1", port)):
        assert visit(listener, f"?code={SECRET}").status_code == 200


def test_a_port_that_is_taken_gives_way_to_the_next_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, other = taken.getsockname()[1], free_port()
        with listening(port, other, path="/auth/oca", hosts=("127.0.0.1", "localhost")) as listener:
            assert listener.redirect_uri == f"http://127.0.0.1:{other}/auth/oca"
        with pytest.raises(ListenError, match=rf"ports {port} of 127.0.0.1.*OAUTH_REDIRECT_PORTS") as caught:
            listening(port)
    assert "均被占用" in caught.value.text.zh


def test_the_address_may_say_localhost_and_it_is_loopback_that_is_listened_on() -> None:
    with listening(hosts=("localhost",)) as listener:
        assert listener.redirect_uri.startswith("http://localhost:")
        assert visit(listener, f"?code={SECRET}").status_code == 200
        port = int(listener.redirect_uri.rsplit(":", 1)[1].partition("/")[0])
        # Nobody else holds it: a second listener on it must fail.
        with pytest.raises(ListenError):
            listening(port)


def test_it_is_closed_in_the_end(listener: LoopbackListener) -> None:
    with listener:
        pass
    with pytest.raises(httpx.ConnectError):
        visit(listener, "?code=late")
