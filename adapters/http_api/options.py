"""What an operator decides about the server."""

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """`keep_alive` is the silence after which a stream gets a comment; zero means never."""

    default_model: str
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    allowed_origins: tuple[str, ...] = ()
    max_body_bytes: int = 64 * 1024 * 1024
    keep_alive: timedelta = timedelta(seconds=15)
