"""The bytes of a request: as `outgoing_headers` says for every transport, and nothing that a caller could slip in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.transport.httptools.destinations import MAX_DESTINATIONS, Destination, Destinations
from adapters.transport.httptools.requests_bytes import MAX_LAYOUTS, HeadEncoder
from adapters.transport.outgoing import outgoing_headers
from adapters.transport.peers import ForwardProxy
from domain.errors import NotConnectedError
from domain.http import Headers, HttpRequest, Route

DIRECT = Destination.of("https://api.example.com/v1?x=y", Route.DIRECT, None)
PROXY = ForwardProxy.parse("http://joe:secret@proxy.example:3128")

names = st.sampled_from(
    ["Content-Type", "content-length", "Host", "user-agent", "Accept-Encoding", "X-A", "x-b", "TE", "Upgrade", "X\r\nY"]
) | st.text(max_size=4)
values = st.text(alphabet=st.characters(max_codepoint=300), max_size=8) | st.sampled_from([" padded\t", "a\tb", "\xe9"])
headers = st.lists(st.tuples(names, values), max_size=6).map(tuple)


def allowed(request: HttpRequest, *, closing: bool) -> Headers | NotConnectedError:
    try:
        return outgoing_headers(request, agent="agent/1", closing=closing)
    except NotConnectedError as refusal:
        return refusal


@given(
    sent=headers,
    again=headers,
    method=st.sampled_from(["GET", "POST", "DELETE", "BAD METHOD", "GET\r\n"]),
    body=st.sampled_from([b"", b"{}"]),
    closing=st.booleans(),
)
def test_a_head_holds_what_holds_for_every_transport(
    sent: Headers, again: Headers, method: str, body: bytes, closing: bool
) -> None:
    """Also for names that were seen before: what was learnt of one request never lets through another."""
    encoder = HeadEncoder(agent="agent/1")
    relabelled = tuple((name, value) for (name, _), (_, value) in zip(sent, again, strict=False))
    for pairs in (sent, relabelled, again, sent):
        request = HttpRequest(method=method, url="https://api.example.com/v1?x=y", headers=pairs, body=body)
        expected = allowed(request, closing=closing)
        if isinstance(expected, NotConnectedError):
            with pytest.raises(NotConnectedError) as caught:
                encoder.encode(request, DIRECT, closing=closing)
            assert str(caught.value) == str(expected)
            continue
        head = encoder.encode(request, DIRECT, closing=closing).decode("latin-1")
        assert head.endswith("\r\n\r\n")
        first, *lines = head[:-4].split("\r\n")
        assert first == f"{method} /v1?x=y HTTP/1.1"
        if not any(name.lower() == "host" for name, _ in expected):
            assert lines.pop(0) == "Host: api.example.com"
        assert lines == [f"{name}: {value}" for name, value in expected]


def test_no_number_of_different_requests_makes_the_encoder_grow() -> None:
    encoder = HeadEncoder(agent="agent/1")
    for number in range(MAX_LAYOUTS * 3):
        request = HttpRequest(method="GET", url="https://api.example.com/", headers=((f"X-{number}", "y"),))
        assert f"X-{number}: y".encode() in encoder.encode(request, DIRECT, closing=False)
    assert 0 < len(encoder) <= MAX_LAYOUTS


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("https://api.example.com", "/", "api.example.com"),
        ("https://API.example.com:443/v1", "/v1", "api.example.com"),
        ("http://api.example.com:8080/v1?x=y&z=%20#fragment", "/v1?x=y&z=%20", "api.example.com:8080"),
        ("https://user:password@api.example.com/", "/", "api.example.com"),
        ("https://[2001:db8::1]:8443/a", "/a", "[2001:db8::1]:8443"),
        ("https://b\xfccher.example/w\xf6rter?q=\u4f60 x", "/w%C3%B6rter?q=%E4%BD%A0%20x", "xn--bcher-kva.example"),
        ("https://api.example.com/a\x01b\x7f", "/a%01b%7F", "api.example.com"),
        ("https://api.example.com/a\r\nX-Slipped: in", "/aX-Slipped:%20in", "api.example.com"),
    ],
)
def test_an_address_becomes_a_target_and_a_host(url: str, target: str, host: str) -> None:
    destination = Destination.of(url, Route.DIRECT, PROXY)
    assert (destination.target, destination.host) == (target, host)
    assert destination.proxy is None
    assert "password" not in repr(destination)


@pytest.mark.parametrize(
    "url", ["https://api example.com/", "https://a\x01b/", "https://\xfc" + "b" * 64 + ".example/"]
)
def test_a_host_that_could_split_a_line_is_no_address(url: str) -> None:
    with pytest.raises(NotConnectedError):
        Destination.of(url, Route.PROXY, PROXY)


def test_only_a_proxy_that_reads_the_request_is_shown_its_credentials_there() -> None:
    encoder = HeadEncoder(agent="agent/1")
    for url, route, shown in (
        ("http://api.example.com/v1", Route.PROXY, True),
        ("http://api.example.com/v1", Route.DIRECT, False),
        ("https://api.example.com/v1", Route.PROXY, False),
    ):
        destination = Destination.of(url, route, PROXY)
        head = encoder.encode(HttpRequest(method="GET", url=url), destination, closing=False)
        assert (b"\r\nProxy-Authorization: Basic " in head) == shown
        assert head.startswith(b"GET http://api.example.com/v1 HTTP/1.1" if shown else b"GET /v1 HTTP/1.1")
        assert "Basic" not in repr(destination)


def test_no_number_of_addresses_makes_what_is_known_of_them_grow() -> None:
    destinations = Destinations(None)
    for number in range(MAX_DESTINATIONS * 3):
        found = destinations.find(f"https://api.example.com/{number}", Route.DIRECT)
        assert found is destinations.find(f"https://api.example.com/{number}", Route.DIRECT)
    assert 0 < len(destinations) <= MAX_DESTINATIONS
