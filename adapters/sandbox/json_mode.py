"""Plain JSON mode: an object with the keys that the question puts in quotation marks."""

import re
from collections.abc import Iterable

from adapters.sandbox.json_values import JsonObject

MOST_KEYS = 32
# The apostrophe of "it's" opens no quotation; a Chinese character before the mark is no hindrance.
_QUOTED = re.compile(r"(?<![A-Za-z0-9_])[\"'`“‘「]([^\W\d]\w{0,63})[\"'`”’」](?![A-Za-z0-9_])")


def keys_asked_for(texts: Iterable[str]) -> tuple[str, ...]:
    """The names in quotation marks of the first text that has any, each once."""
    for text in texts:
        if names := tuple(dict.fromkeys(_QUOTED.findall(text)))[:MOST_KEYS]:
            return names
    return ()


def object_with(keys: tuple[str, ...], answer: str) -> JsonObject:
    """What fills the keys has no schema to go by; without any key, the plain answer has one of its own."""
    return {key: f"sandbox {key}" for key in keys} or {"answer": answer}
