"""The few pages of the authorization server: self-contained, in both languages at once, not to be framed or kept."""

import secrets
import threading
from collections.abc import Iterable
from html import escape
from typing import Generic, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse

from domain.words import Text

MOST_TICKETS = 256
BROWSER_COOKIE = "oca-sandbox-browser"
DECISION, ALLOW, DENY, TICKET = "decision", "allow", "deny", "ticket"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;"
    "color-scheme:light dark}button,input{font:inherit;padding:.5rem 1rem;margin:.5rem .5rem .5rem 0}"
    "code{font-size:1.2em}"
)

Matter = TypeVar("Matter")


class TicketOffice(Generic[Matter]):
    """What a page asks its user about, kept under a ticket that one browser may hand in once.

    The ticket is in the form and the browser's mark in a cookie, so another site can neither know nor send both.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[str, Matter]] = {}

    def issue(self, browser: str, matter: Matter) -> str:
        with self._lock:
            ticket = secrets.token_urlsafe(24)
            self._waiting[ticket] = (browser, matter)
            if len(self._waiting) > MOST_TICKETS:
                del self._waiting[next(iter(self._waiting))]
            return ticket

    def take(self, browser: str | None, ticket: str) -> Matter | None:
        """What the ticket is for; None when it is not this browser's, or was taken before."""
        with self._lock:
            known = self._waiting.get(ticket)
            if known is None or known[0] != browser:
                return None
            del self._waiting[ticket]
            return known[1]


def browser_of(request: Request) -> str:
    """The mark of the browser that asks; a new one when it has none."""
    return request.cookies.get(BROWSER_COOKIE) or secrets.token_urlsafe(24)


def page(
    title: Text, *paragraphs: str, status: int = 200, browser: str | None = None, form_action: str = ""
) -> HTMLResponse:
    """A page; `paragraphs` are HTML. `form_action` names where its form's answer may lead, beside this server."""
    content = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title.en)} · {escape(title.zh)}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{escape(title.en)}<br><span lang="zh">{escape(title.zh)}</span></h1>'
        f"{''.join(paragraphs)}</main></body></html>"
    )
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {form_action}".rstrip()
    )
    response = HTMLResponse(content, status_code=status, headers={**_HEADERS, "Content-Security-Policy": policy})
    if browser is not None:
        response.set_cookie(BROWSER_COOKIE, browser, httponly=True, samesite="lax")
    return response


def told(text: Text) -> str:
    """A paragraph in each language."""
    return f'<p>{escape(text.en)}</p><p lang="zh">{escape(text.zh)}</p>'


def listed(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li><code>{escape(item)}</code></li>' for item in items)}</ul>"


def decision_form(action: str, ticket: str) -> str:
    """Allow or deny."""
    return (
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="{TICKET}" value="{escape(ticket)}">'
        f'<button name="{DECISION}" value="{ALLOW}">Allow · 允许</button>'
        f'<button name="{DECISION}" value="{DENY}">Deny · 拒绝</button></form>'
    )


def code_form(action: str) -> str:
    """Where a user code is typed."""
    return (
        f'<form method="post" action="{escape(action)}"><label for="user_code">Code · 代码</label> '
        '<input id="user_code" name="user_code" autocomplete="off" autofocus required>'
        "<button>Continue · 继续</button></form>"
    )


def stale_page() -> HTMLResponse:
    """For a form that comes a second time, from another browser, or much too late."""
    return page(
        Text("This form is no longer valid", "此表单已失效"),
        told(Text("Start the login again from the program that asked for it.", "请在发起登录的程序中重新登录。")),
        status=400,
    )
