"""How many tokens an answer in passing says it took, read without reading the answer."""

import re
from dataclasses import dataclass

# Quotes inside a JSON string are escaped, so this cannot stand in the model's text.
_NAME = b'"usage"'
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_READ = re.compile(rb'"(?:prompt|input)_tokens"\s*:\s*([0-9]{1,15})')
_WRITTEN = re.compile(rb'"(?:completion|output)_tokens"\s*:\s*([0-9]{1,15})')
# Both counts stand near its beginning, whatever details there are.
_LONGEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """`read` by the model, and `written` by it."""

    read: int
    written: int


def usage_in(text: bytes) -> bytes:
    """The last usage object in an answer or a piece of it, and what follows; empty where there is none."""
    at = text.rfind(_NAME)
    return text[at : at + _LONGEST] if at >= 0 and _USAGE.match(text, at) else b""


def read_usage(text: bytes) -> TokenCount | None:
    """What a usage object says (OpenAI API reference, "usage"); an embedding writes nothing."""
    read, written = _READ.search(text), _WRITTEN.search(text)
    if read is None and written is None:
        return None
    return TokenCount(read=0 if read is None else int(read[1]), written=0 if written is None else int(written[1]))
