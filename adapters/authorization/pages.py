"""The pages that a browser sees at the end of a login: self-contained, in both languages, without a secret."""

import base64
import hashlib
from dataclasses import dataclass
from html import escape

_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;margin:0;display:grid;place-items:center;min-height:100vh;"
    "background:#f6f7f9;color:#1c2024}"
    "main{max-width:32rem;margin:1rem;padding:2rem;border-radius:12px;background:#fff;box-shadow:0 1px 4px #0003}"
    "h1{font-size:1.35rem;margin:0 0 .25rem}p{margin:.25rem 0}[lang=zh]{margin-top:1.5rem}"
    "@media(prefers-color-scheme:dark){body{background:#111417;color:#e6e8eb}main{background:#1b1f24}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    "default-src 'none'",
    f"style-src 'sha256-{_STYLE_HASH}'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        "; ".join(_POLICY),
    ),
    # The address of this page holds the code.
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: a headline and a sentence in each language."""

    status: int
    title: str
    text: str
    title_zh: str
    text_zh: str

    def html(self) -> bytes:
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(self.title)} · {escape(self.title_zh)}</title><style>{_STYLE}</style></head><body><main>"
            f"<h1>{escape(self.title)}</h1><p>{escape(self.text)}</p>"
            f'<section lang="zh"><h1>{escape(self.title_zh)}</h1><p>{escape(self.text_zh)}</p></section>'
            "</main></body></html>\n"
        ).encode()


ANSWERED = Page(
    status=200,
    title="Thank you",
    text="Your answer has arrived. The terminal tells how it goes on; you can close this page.",
    title_zh="谢谢",
    text_zh="已收到您的回应。请在终端中查看后续结果；现在可以关闭此页面。",
)
DECLINED = Page(
    status=200,
    title="Not logged in",
    text="The login was not granted. The terminal tells why, and what to do; you can close this page.",
    title_zh="未登录",
    text_zh="登录未获授权。请在终端中查看原因和后续步骤；现在可以关闭此页面。",
)
STRANGER = Page(
    status=400,
    title="This is not the answer that is waited for",
    text="It belongs to another login, perhaps an earlier one. Go on in the page that was opened last.",
    title_zh="这不是正在等待的回应",
    text_zh="它属于另一次登录，可能是较早的一次。请在最后打开的页面中继续操作。",
)
NOT_FOUND = Page(
    status=404,
    title="Nothing here",
    text="This address only waits for the end of a login.",
    title_zh="此处没有内容",
    text_zh="该地址只用于等待登录完成。",
)
