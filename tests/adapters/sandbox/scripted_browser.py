"""A browser by script: it opens an address, presses one button of the form that it finds, and goes where it is sent."""

from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx
from typing_extensions import override


class ScriptedBrowser:
    """Keeps cookies, as browsers do; a context manager. `pages` are the answers it has seen, oldest first."""

    def __init__(self) -> None:
        self.pages: list[httpx.Response] = []
        self._http = httpx.Client(trust_env=False, timeout=10)

    def open(self, address: str) -> httpx.Response:
        """A page, without following redirects."""
        return self._seen(self._http.get(address))

    def press(self, page: httpx.Response, *, allow: bool = True) -> httpx.Response:
        """Press Allow or Deny on a page, without following where that leads."""
        return self.submit(page, {"decision": "allow" if allow else "deny"})

    def submit(self, page: httpx.Response, filled: dict[str, str]) -> httpx.Response:
        """Send a page's form with its hidden fields and what was filled in."""
        form = form_in(page)
        address = urljoin(str(page.url), form.action)
        return self._seen(self._http.post(address, data={**form.hidden, **filled}))

    def log_in(self, address: str, *, allow: bool = True) -> httpx.Response:
        """Decide at an authorize or verification address, follow every redirect, and return the last page."""
        page = self.open(address)
        if "<form" in page.text:
            page = self.press(page, allow=allow)
        while page.is_redirect:
            page = self.open(urljoin(str(page.url), page.headers["location"]))
        return page

    def _seen(self, page: httpx.Response) -> httpx.Response:
        self.pages.append(page)
        return page

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()


class Form(HTMLParser):
    """The one form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.hidden: dict[str, str] = {}

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found["action"]
        if tag == "input" and found.get("type") == "hidden":
            self.hidden[found["name"]] = found["value"]


def form_in(page: httpx.Response) -> Form:
    form = Form()
    form.feed(page.text)
    form.close()
    assert form.action, f"There is no form on this page: {page.text}"
    return form
