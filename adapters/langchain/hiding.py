"""What of a call's parameters may be seen by those who trace it."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any


def without_secrets(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """A call's parameters as they may be seen: header fields, which may hold keys, as a fingerprint."""
    hidden = ("default_headers", "extra_headers")
    return {
        name: fingerprint(value) if name in hidden and value else value
        for name, value in kwargs.items()
        if name not in ("api_key", "openai_api_key")
    }


def fingerprint(headers: Mapping[str, str]) -> str:
    return sha256(repr(sorted(headers.items())).encode()).hexdigest()[:16]
