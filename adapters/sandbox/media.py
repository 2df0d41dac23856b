"""Pictures, recordings and documents as bytes: whether they are what they are said to be, and how long they last."""

import base64
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

IMAGE_KINDS = ("png", "jpeg", "gif", "webp")
AUDIO_KINDS = ("wav", "mp3")
AUDIO_TOKENS_PER_SECOND = 10
_RIFF_HEAD = 12
_WAV_BYTE_RATE = slice(28, 32)
# An MP3 of 128 kbit/s: its frames would have to be read to know better.
_BYTES_PER_SECOND = 16_000
# Enough of a recording, in base64, to hold the head of a WAV.
_HEAD_LENGTH = 64
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64,", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataUrl:
    """A data URL (RFC 2397) in base64, read; `mime_type` is in lower case."""

    mime_type: str
    data: bytes


def read_base64(text: str) -> bytes | None:
    """The bytes, or None where this is not the base64 of RFC 4648 section 4, padding included."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def read_data_url(url: str) -> DataUrl | None:
    head = _DATA_URL.match(url)
    data = None if head is None else read_base64(url[head.end() :])
    return None if head is None or data is None else DataUrl(mime_type=head[1].lower(), data=data)


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def image_kind(data: bytes) -> str | None:
    """One of IMAGE_KINDS, by the first bytes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if _riff_kind(data) == b"WEBP" else None


def audio_kind(data: bytes) -> str | None:
    """One of AUDIO_KINDS, by the first bytes."""
    if _riff_kind(data) == b"WAVE":
        return "wav"
    # An ID3v2 tag, or the eleven bits that begin a frame.
    framed = data[:1] == b"\xff" and data[1:2] >= b"\xe0"
    return "mp3" if framed or data.startswith(b"ID3") else None


def is_pdf(data: bytes) -> bool:
    return data.startswith(b"%PDF-")


def audio_tokens(text: str) -> int:
    """What a recording, in base64, counts; told by its head and its length, for it may be megabytes long."""
    head = base64.b64decode(text[:_HEAD_LENGTH])
    rate = int.from_bytes(head[_WAV_BYTE_RATE], "little") if audio_kind(head) == "wav" else 0
    size = len(text) * 3 // 4
    return max(1, size * AUDIO_TOKENS_PER_SECOND // (rate or _BYTES_PER_SECOND))


def _riff_kind(data: bytes) -> bytes | None:
    return data[8:_RIFF_HEAD] if data.startswith(b"RIFF") else None
