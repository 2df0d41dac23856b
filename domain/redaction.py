"""Secrets in text, and their mask: what a log or a history shows must not be worth stealing."""

import re

MASK = "[redacted]"

_SECRET_NAMES = re.compile(
    r"(authorization|cookie|password|secret|api[-_]?key|(access|refresh|id)[-_]token|^token$)(?!.*fingerprint)",
    re.IGNORECASE,
)
_SECRET_TEXTS = (
    # A bearer token, a JWT, credentials in an address, a token in a form or in JSON.
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^/\s@:]+(:[^/\s@]*)?@"), rf"\1{MASK}@"),
    (
        re.compile(r"""(?i)((?:access|refresh|id)_token|client_secret|api_key)(["']?\s*[=:]\s*["']?)[^\s"'&,}]+"""),
        rf"\1\2{MASK}",
    ),
)


def names_a_secret(name: str) -> bool:
    """Whether what stands under this name is a secret, whatever it looks like."""
    return _SECRET_NAMES.search(name) is not None


def redact_text(text: str) -> str:
    """The same text with everything masked that looks like a secret."""
    if text.isascii() and not may_hold_secret(text):
        return text
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return text


def may_hold_secret(text: str) -> bool:
    """Whether any of the patterns can fit an ASCII text; most lines of a log end here."""
    lower = text.lower()
    return (
        "eyj" in lower
        or "@" in lower
        or "bearer" in lower
        or "basic" in lower
        or "_token" in lower
        or "client_secret" in lower
        or "api_key" in lower
    )
