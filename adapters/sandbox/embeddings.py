"""`POST /v1/embeddings`: each word has a direction, a text the sum of its words', so similar texts lie close."""

import base64
import hashlib
import math
import struct

from adapters.sandbox.chat_requests import read_integer
from adapters.sandbox.json_values import JsonObject
from adapters.sandbox.refusals import RefusedRequestError, invalid_value, missing_parameter
from adapters.sandbox.text_completions import read_texts
from adapters.sandbox.tokens import count_tokens, pieces_of

DEFAULT_DIMENSIONS = 256
MOST_DIMENSIONS = 4096
# A long text is told by its beginning; the rest would only cost time.
MOST_WORDS = 512
MOST_CHARACTERS = 16_384


def embed(body: JsonObject) -> JsonObject:
    """OpenAI's `CreateEmbeddingResponse` to a body whose model is known to exist. Raises RefusedRequestError."""
    if body.get("input") is None:
        raise missing_parameter("input")
    texts = read_texts(body["input"], "input")
    if not all(texts):
        raise RefusedRequestError("Invalid 'input': input cannot be an empty string.", param="input")
    dimensions = read_integer(body, "dimensions", 1, MOST_DIMENSIONS) or DEFAULT_DIMENSIONS
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise invalid_value("encoding_format", f"{encoding!r}. Supported values are: 'float' and 'base64'.")
    vectors = [_vector(text, dimensions) for text in texts]
    tokens = sum(count_tokens(text) for text in texts)
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _base64(vector) if encoding == "base64" else vector,
            }
            for index, vector in enumerate(vectors)
        ],
        "model": body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 whose numbers are exact in 32 bits, so that both encodings say the same."""
    total = [0.0] * dimensions
    for word in pieces_of(text[:MOST_CHARACTERS])[:MOST_WORDS]:
        seed = word.strip().lower().encode("utf-8", "replace")
        noise = hashlib.shake_256(seed).digest(dimensions)
        total = [sum_ + byte - 127.5 for sum_, byte in zip(total, noise, strict=True)]
    length = math.sqrt(sum(number * number for number in total)) or 1.0
    packed = struct.pack(f"<{dimensions}f", *(number / length for number in total))
    return list(struct.unpack(f"<{dimensions}f", packed))


def _base64(vector: list[float]) -> str:
    """Little-endian 32-bit floats, as OpenAI packs them."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
