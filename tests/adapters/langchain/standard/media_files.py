"""The smallest files that are what they claim to be, and the downloads of LangChain's suites served from them."""

import base64
import io
import struct
import wave
import zlib
from dataclasses import dataclass

AUDIO_SECONDS = 2


def png() -> bytes:
    """One red pixel (PNG specification, sections 5 and 11)."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixel) + _chunk(b"IEND", b"")


def pdf() -> bytes:
    """One empty page, with a table of its objects' places (ISO 32000 section 7.5)."""
    bodies = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>",
    )
    text, places = b"%PDF-1.4\n", [b"0000000000 65535 f \n"]
    for number, body in enumerate(bodies, start=1):
        places.append(b"%010d 00000 n \n" % len(text))
        text += b"%d 0 obj%sendobj\n" % (number, body)
    table = b"xref\n0 %d\n" % len(places) + b"".join(places)
    return text + table + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(places), len(text))


def wav() -> bytes:
    """Silence, of AUDIO_SECONDS."""
    memory = io.BytesIO()
    with wave.open(memory, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * AUDIO_SECONDS)
    return memory.getvalue()


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    content: bytes


class LocalDownloads:
    """What the suites use of `httpx`: `get`, of addresses whose endings tell what is expected."""

    def get(self, url: str, **_options: object) -> Download:
        make = {"png": png, "pdf": pdf, "wav": wav}[url.rpartition(".")[2]]
        return Download(content=make())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
