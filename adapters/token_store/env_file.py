"""The three values in a `.env` file: how they are looked at, changed, and proven to be changeable."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from adapters.token_store.env_text import read_values, replace_values
from adapters.token_store.files import (
    FileChangedError,
    Files,
    Stamp,
    content_or_empty,
    prove_replaceable,
    replace_content,
    stamp,
)
from adapters.token_store.managed_keys import MANAGED_KEYS, REFRESH_TOKEN, token_set, values_of
from domain.tokens import TokenSet

# An editor that writes in place empties the file first; these are its chances to go on.
_REREADS = 4
_REREAD_PAUSE = timedelta(milliseconds=5)
# More than three long tokens take.
_ROOM_FOR_TOKENS_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the file held. `stamp` was taken before: older than the content at worst, never newer."""

    stamp: Stamp
    data: bytes = field(repr=False)
    values: Mapping[str, str] = field(repr=False)

    @property
    def tokens(self) -> TokenSet:
        return token_set(self.values)


def look_at(files: Files, target: Path, *, had_login: bool) -> Look:
    """Read the file; one that is expected to hold a login gets some milliseconds to show it.

    Raises OSError and EnvTextError.
    """
    chances = _REREADS if had_login else 0
    while True:
        seen = stamp(files, target)
        data = content_or_empty(files, target)
        values = read_values(data, MANAGED_KEYS)
        if chances == 0 or values.get(REFRESH_TOKEN, "").strip():
            return Look(stamp=seen, data=data, values=values)
        chances -= 1
        time.sleep(_REREAD_PAUSE.total_seconds())  # noqa: TID251 - a bounded wait for somebody else's editor


def put_into(
    files: Files, target: Path, look: Look, tokens: TokenSet, *, before_overwriting: Callable[[], None]
) -> None:
    """Make the file that was looked at hold this login, durably. `before_overwriting` is as in `replace_content`.

    Raises OSError and EnvTextError; FileChangedError when somebody else has changed the file since that look.
    """

    def check() -> None:
        if stamp(files, target) != look.stamp:
            raise FileChangedError

    # Written even when nothing changes: an earlier write may have got there, and not have become durable.
    edited = replace_values(look.data, values_of(tokens, look.values))
    replace_content(files, target, edited, check=check, before_overwriting=before_overwriting)


def prove_changeable(files: Files, target: Path) -> None:
    """Raise OSError or EnvTextError unless `put_into` can be expected to work."""
    data = content_or_empty(files, target)
    replace_values(data, dict.fromkeys(MANAGED_KEYS, "a-token"))
    prove_replaceable(files, target, len(data) + _ROOM_FOR_TOKENS_BYTES)
