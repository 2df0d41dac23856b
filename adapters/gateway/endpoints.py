"""The addresses of the upstream's operations, made from LLM_API_URL."""

import re
from typing import Self
from urllib.parse import urlsplit, urlunsplit

CHAT = "chat/completions"


class Endpoints:
    """Siblings of the chat address: `.../v1/chat/completions` has `.../v1/embeddings` beside it.

    LLM_API_URL is the address of the chat operation, or the API's root: one that is empty or ends in a version such as
    `/v1`. Any other path is taken as the chat operation itself, and its siblings stand in the same folder. A query
    (`?api-version=...`) stays on every address.
    """

    def __init__(self, api_url: str) -> None:
        parts = urlsplit(api_url)
        path = parts.path.rstrip("/")
        if path.endswith("/" + CHAT):
            root = path.removesuffix("/" + CHAT)
            chat = path
        elif not path or re.fullmatch(r"v\d+\w*", path.rsplit("/", 1)[-1]):
            root = path
            chat = f"{path}/{CHAT}"
        else:
            root = path.rsplit("/", 1)[0]
            chat = parts.path
        self._parts = parts
        self._root = root
        self._chat = chat

    @classmethod
    def below(cls, base_url: str) -> Self:
        """The addresses below a `base_url` as OpenAI's clients have it: the API's root, whatever it ends in."""
        parts = urlsplit(base_url)
        path = parts.path.rstrip("/")
        chat = path if path.endswith("/" + CHAT) else f"{path}/{CHAT}"
        return cls(urlunsplit(parts._replace(path=chat)))

    def url(self, operation: str, query: str = "") -> str:
        """The address of an operation such as `embeddings`, with a caller's query added."""
        path = self._chat if operation == CHAT else f"{self._root}/{operation}"
        both = "&".join(part for part in (self._parts.query, query) if part)
        return urlunsplit(self._parts._replace(path=path, query=both, fragment=""))
