"""The bytes of a request's head (RFC 9112 section 3).

What a head holds is said in `outgoing.py`, for every transport. Here it is made in one pass for requests whose headers
have the names of an earlier one; all others, and whatever has to be refused, are left to `outgoing_headers`.
"""

from dataclasses import dataclass

from adapters.transport.httptools.destinations import Destination
from adapters.transport.outgoing import METHODS_WITH_BODY, OWN_HEADERS, outgoing_headers
from domain.http import Headers, HttpRequest, find_header

MAX_LAYOUTS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Which headers of a request are sent, by place and with what stands before the value, and which are `added`."""

    fields: tuple[tuple[int, str], ...]
    has_host: bool
    added: tuple[str, ...]


class HeadEncoder:
    """Makes heads. `agent` is the User-Agent of requests that have none."""

    def __init__(self, *, agent: str) -> None:
        self._agent = agent
        self._layouts: dict[tuple[str, ...], _Layout] = {}

    def __len__(self) -> int:
        """How many kinds of requests are known."""
        return len(self._layouts)

    def encode(self, request: HttpRequest, destination: Destination, *, closing: bool) -> bytes:
        """Raises NotConnectedError for what HTTP cannot carry; the message names the header, never its value."""
        headers, names = request.headers, (request.method, *[name for name, _ in request.headers])
        layout = self._layouts.get(names)
        if layout is None:
            layout = self._first_of_its_kind(request, closing=closing)
        lines = [f"{request.method} {destination.target} HTTP/1.1"]
        if not layout.has_host:
            lines.append(f"Host: {destination.host}")
        for place, label in layout.fields:
            text = headers[place][1].strip(" \t")
            if not text.isascii() or not text.isprintable():
                outgoing_headers(request, agent=self._agent, closing=closing)  # has the last word
            lines.append(label + text)
        lines += layout.added
        if request.body or request.method in METHODS_WITH_BODY:
            lines.append(f"Content-Length: {len(request.body)}")
        if closing:
            lines.append("Connection: close")
        if destination.peer.forwarded and destination.proxy_authorization is not None:
            lines.append(f"Proxy-Authorization: {destination.proxy_authorization}")
        lines.append("\r\n")
        return "\r\n".join(lines).encode("latin-1")

    def _first_of_its_kind(self, request: HttpRequest, *, closing: bool) -> _Layout:
        """Checked by the rule that holds for every transport. The names that pass are known from now on."""
        headers = outgoing_headers(request, agent=self._agent, closing=closing)
        layout = _layout(request.headers, headers)
        if len(self._layouts) >= MAX_LAYOUTS:
            self._layouts.clear()
        self._layouts[request.method, *[name for name, _ in request.headers]] = layout
        return layout


def _layout(asked: Headers, outgoing: Headers) -> _Layout:
    sent = [(place, name) for place, (name, _) in enumerate(asked) if name.lower() not in OWN_HEADERS]
    return _Layout(
        fields=tuple((place, f"{name}: ") for place, name in sent),
        has_host=find_header(asked, "Host") is not None,
        added=tuple(f"{name}: {value}" for name, value in outgoing[len(sent) :] if name.lower() not in OWN_HEADERS),
    )
