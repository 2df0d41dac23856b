"""The sandbox's tokens: a word with the space before it, or one Chinese character."""

import re
import zlib
from collections.abc import Sequence
from typing import Any

# Han, kana, and full-width punctuation: what is written without spaces.
_WIDE = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_PIECE = re.compile(rf"\s*(?:[{_WIDE}]|[^\s{_WIDE}]+)(?:\s+\Z)?|\s+\Z")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_RIVALS = (" the", " a", " sandbox", " and", "。")


def pieces_of(text: str) -> tuple[str, ...]:
    """The text's tokens; joined, they are the text."""
    return tuple(_PIECE.findall(text))


def count_tokens(text: str) -> int:
    # Plain English is counted at once: a prompt may be megabytes long.
    return len(text.split()) if text.isascii() else sum(1 for _ in _PIECE.finditer(text))


def is_chinese(text: str) -> bool:
    return _HAN.search(text) is not None


def logprob_of(token: str) -> float:
    """A plausible log probability, the same one for the same token."""
    return -(zlib.crc32(token.encode("utf-8", "replace")) % 1000) / 1000


def rivals_of(token: str, count: int) -> Sequence[tuple[str, float]]:
    """`count` tokens that might have stood here, the token itself first, each with its log probability."""
    own = logprob_of(token)
    others = [rival for rival in _RIVALS if rival != token]
    others += [f" {number}" for number in range(count)]
    return [(token, own), *((rival, own - rank) for rank, rival in enumerate(others, start=1))][:count]


def token_logprob(token: str, top: int) -> dict[str, Any]:
    """OpenAI's `ChatCompletionTokenLogprob`."""
    rivals = [{"token": rival, "logprob": logprob, "bytes": _bytes(rival)} for rival, logprob in rivals_of(token, top)]
    return {"token": token, "logprob": logprob_of(token), "bytes": _bytes(token), "top_logprobs": rivals}


def _bytes(token: str) -> list[int]:
    return list(token.encode("utf-8", "replace"))
