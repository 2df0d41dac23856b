"""Files that go with a question, made content parts: pictures, documents, recordings, and everything that is text.

What a file is, its bytes say: names and media types are wrong too often (a browser calls TypeScript a video). Only
whether something doubtful is meant to be text, they decide.
"""

import base64
import codecs
import re
from collections.abc import Sequence
from enum import Enum
from pathlib import PurePosixPath
from typing import Literal, Protocol

from domain.chat import AudioPart, ContentPart, FilePart, ImagePart, TextPart
from domain.conversation import Attachment
from domain.errors import CallerError

MOST_FILES = 10
MEBIBYTE = 1024 * 1024
MEDIA_LIMIT_MB = 20
TEXT_LIMIT_MB = 1

_MEDIA_TYPES = ("png", "jpg", "jpeg", "jfif", "gif", "webp", "pdf", "wav", "mp3")
# `.env` is not among them, on purpose: those who would send it have secrets in it.
_TEXT_TYPES = tuple(
    """
    txt text md markdown mdx rst adoc org tex bib log csv tsv json jsonl ndjson json5 geojson ipynb
    xml xsd xsl html htm xhtml svg css scss sass less yaml yml toml ini cfg conf properties plist lock
    py pyi pyx js mjs cjs jsx ts mts cts tsx vue svelte java kt kts scala groovy gradle c h cc cpp cxx hh hpp hxx
    cs fs vb go rs zig nim rb php pl pm lua r rmd jl swift m mm dart ex exs erl hrl hs ml clj lisp el pas f90 asm s
    sql sh bash zsh fish ps1 bat cmd awk cmake mk diff patch proto graphql gql tf hcl sol v sv vhd
    srt vtt ics vcf eml po
    """.split()  # noqa: SIM905 - a list would be a page long
)
# What the file chooser offers: endings, without their dot.
ACCEPTED_TYPES = (*_MEDIA_TYPES, *_TEXT_TYPES)

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# The control characters that files of text do hold: those of layout, and the escape that colours a terminal's log.
_CONTROL = re.compile(r"[^\t\n\v\f\r\x1b\x20-\U0010ffff]")
# A tag (ID3v2, section 3.1), or the head of a frame of layer III (ISO 11172-3, 2.4.1.3). The eleven bits that begin a
# frame are not enough to go by: the byte order mark of UTF-16 has them, and so has AAC.
_MP3 = re.compile(rb"ID3[\x02-\x04]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x00-\xef]")
_INFO_STRING = re.compile(r"[a-z0-9]+")


class AttachmentProblem(Enum):
    """Why a file does not go with a question."""

    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    TOO_MANY = "too_many"


class AttachmentError(CallerError):
    """The file `name` cannot be sent.

    `limit` is the one that it is over, as a person of any language reads it: `20 MB`, or for TOO_MANY `10`; else empty.
    """

    def __init__(self, kind: AttachmentProblem, name: str, limit: str = "") -> None:
        super().__init__(f"The file {name} cannot be sent: {kind.value}.", code=kind.value)
        self.kind = kind
        self.name = name
        self.limit = limit


class GivenFile(Protocol):
    """A file as Streamlit hands it over; `type` is the media type by the browser's word."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...

    def getvalue(self) -> bytes: ...


def attach_all(files: Sequence[GivenFile]) -> tuple[Attachment, ...]:
    """The files of one question, in their order. Raises AttachmentError."""
    if len(files) > MOST_FILES:
        raise AttachmentError(AttachmentProblem.TOO_MANY, _on_one_line(files[MOST_FILES].name), str(MOST_FILES))
    return tuple(attach(file.name, file.type, file.getvalue()) for file in files)


def attach(name: str, media_type: str, data: bytes) -> Attachment:
    """The file as what is sent. Raises AttachmentError."""
    name = _on_one_line(name)
    if not data:
        raise AttachmentError(AttachmentProblem.EMPTY, name)
    part = _media_part(name, data)
    if part is None:
        return Attachment(name=name, part=_text_part(name, media_type, data))
    if len(data) > MEDIA_LIMIT_MB * MEBIBYTE:
        raise AttachmentError(AttachmentProblem.TOO_LARGE, name, f"{MEDIA_LIMIT_MB} MB")
    return Attachment(name=name, part=part)


def _media_part(name: str, data: bytes) -> ContentPart | None:
    if kind := _image_kind(data):
        return ImagePart(url=_data_url(f"image/{kind}", data))
    if data.startswith(b"%PDF-"):
        # Upstreams go by the ending, here and there.
        filename = name if name.lower().endswith(".pdf") else f"{name}.pdf"
        return FilePart(url=_data_url("application/pdf", data), filename=filename)
    if sound := _audio_kind(data):
        return AudioPart(data=base64.b64encode(data).decode("ascii"), format=sound)
    return None


def _image_kind(data: bytes) -> Literal["png", "jpeg", "gif", "webp"] | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if _is_riff(data, b"WEBP") else None


def _audio_kind(data: bytes) -> Literal["wav", "mp3"] | None:
    if _is_riff(data, b"WAVE"):
        return "wav"
    return "mp3" if _MP3.match(data) else None


def _is_riff(data: bytes, form: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == form


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def _text_part(name: str, media_type: str, data: bytes) -> TextPart:
    meant = media_type.startswith("text/") or _ending(name) in _TEXT_TYPES
    if len(data) > TEXT_LIMIT_MB * MEBIBYTE and (meant or b"\0" not in data):
        raise AttachmentError(AttachmentProblem.TOO_LARGE, name, f"{TEXT_LIMIT_MB} MB")
    text = _decoded(data, meant=meant)
    if text is None:
        raise AttachmentError(AttachmentProblem.UNREADABLE if meant else AttachmentProblem.UNKNOWN_TYPE, name)
    if not text.strip():
        raise AttachmentError(AttachmentProblem.EMPTY, name)
    return TextPart(text=_framed(name, text))


def _decoded(data: bytes, *, meant: bool) -> str | None:
    """The text, or None where it is none. GB18030 fits too many bytes to be tried on what is not `meant` to be text."""
    encoding = "utf-16" if data.startswith(_UTF16_MARKS) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        chinese = _chinese(data) if meant else None
        return None if chinese is None or _CONTROL.search(chinese) else chinese
    # A stray control character spoils no text of which UTF-8 is sure, but none holds a NUL.
    binary = "\0" in text if meant else _CONTROL.search(text)
    return None if binary else text


def _chinese(data: bytes) -> str | None:
    """The text in GB18030, if that is what it is.

    Western text in an old encoding often decodes too, into characters that nobody uses. So at least half of them must
    be of GB 2312, the everyday ones.
    """
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = [character for character in text if not character.isascii()]
    everyday = len("".join(foreign).encode("gb2312", errors="ignore")) // 2
    return text if everyday * 2 >= len(foreign) else None


def _framed(name: str, text: str) -> str:
    """The text under its name, between fences (CommonMark section 4.5) longer than any run of theirs within it."""
    fence = min((_fence_around(text, mark) for mark in "`~"), key=len)
    ending = _ending(name)
    info = ending if _INFO_STRING.fullmatch(ending) else ""
    body = text.rstrip("\r\n")
    return f"{name}\n\n{fence}{info}\n{body}\n{fence}\n\n"


def _fence_around(text: str, mark: str) -> str:
    longest = max((len(run) for run in re.findall(f"{mark}+", text)), default=0)
    return mark * max(3, longest + 1)


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.removeprefix(".").lower()


def _on_one_line(name: str) -> str:
    """A name that cannot break out of the line that bears it."""
    printable = "".join(character if character.isprintable() else " " for character in name)
    return " ".join(printable.split()) or "file"
