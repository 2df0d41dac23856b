"""What an operator decides about the server."""

from dataclasses import dataclass, field
from datetime import timedelta

from domain.words import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """`keep_alive` is the silence after which a stream gets a comment; zero means never.

    `language` is that of errors whose caller does not ask for one. Without `fast_path`, every request goes over ASGI.
    """

    default_model: str
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    allowed_origins: tuple[str, ...] = ()
    max_body_bytes: int = 64 * 1024 * 1024
    keep_alive: timedelta = timedelta(seconds=15)
    language: Language = Language.ENGLISH
    fast_path: bool = True
