"""HTML pages that come where JSON was due: a login page, a captive portal, a proxy's notice."""

import re
from html import unescape

from domain.errors import UpstreamProtocolError
from domain.redaction import redact_text
from domain.words import Text

_READ_BYTES = 64 * 1024
_LONGEST_TITLE = 80
_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title)\b", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(rb"<title\b[^>]*>([^<]{1,2000})</title", re.IGNORECASE)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def is_page(body: bytes) -> bool:
    """Whether a body begins as HTML does."""
    return _PAGE.match(body[:_READ_BYTES].removeprefix(_BYTE_ORDER_MARK)) is not None


def page_told(body: bytes) -> Text:
    """What to call such a page: by its title, if it has one. Harmless to show."""
    found = _TITLE.search(body[:_READ_BYTES])
    words = "" if found is None else unescape(found[1].decode(errors="replace"))
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    title = redact_text(line)[:_LONGEST_TITLE].strip()
    if not title:
        return Text("an HTML page", "一个 HTML 页面")
    return Text(f'an HTML page ("{title}")', f"一个 HTML 页面（“{title}”）")


def html_instead_of_json(body: bytes, *, status: int = 200) -> UpstreamProtocolError:
    """The error for a page that the upstream's address leads to."""
    page = page_told(body)
    return UpstreamProtocolError(
        Text(
            f"The upstream answered with status {status} and {page.en} where JSON was due. Check LLM_API_URL and the "
            "network: it may be a login page (of a captive portal), or a proxy's.",
            f"上游返回了状态码 {status} 和{page.zh}，而非应有的 JSON。请检查 LLM_API_URL 和网络："
            "它可能是登录页面（例如网络的认证页面），或代理服务器的页面。",
        )
    )
