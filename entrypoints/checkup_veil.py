"""What keeps secrets out of a check-up's output, whoever may have said them."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from config.environment import ACCESS_TOKEN_KEY, REFRESH_TOKEN_KEY
from config.problems import SECRET_KEYS
from domain.checkup import Check, Detail
from domain.redaction import redact_text
from domain.tokens import conceal
from domain.words import Text

_TOKENS = (REFRESH_TOKEN_KEY, ACCESS_TOKEN_KEY)
# One that is shorter than this is hidden where it stands alone only, since it may be part of any word; the shortest
# ones are words themselves.
_LONG = 8
_SHORTEST = 4


class Veil:
    """Hides secrets and the home folder in whatever is shown; learns of tokens as they come."""

    def __init__(self, values: Mapping[str, str], *, home: Path | None = None) -> None:
        self._secrets: set[str] = set()
        self._words: set[str] = set()
        self._home = "" if home is None else str(home)
        for key in (*SECRET_KEYS, *_TOKENS):
            self.hide(_parts(key, values.get(key, "")))
        for address in values.values():
            self.hide(_credentials_in(address))
            # Some put a key into an address.
            self.hide(value for _, value in parse_qsl(address.partition("?")[2]) if len(value) >= _LONG)
        client = (values.get("OAUTH_CLIENT_ID", ""), values.get("OAUTH_CLIENT_SECRET", ""))
        if all(client):
            self.hide([_basic(":".join(client))])

    def hide(self, secrets: Iterable[str | None]) -> None:
        for secret in secrets:
            if secret and len(secret) >= _LONG:
                self._secrets.add(secret)
            elif secret and len(secret) >= _SHORTEST:
                self._words.add(secret)

    def plain(self, words: str, *, ours: bool = False) -> str:
        """The words on one line, without secrets and without what could steer a terminal.

        In words of `ours` only the secrets that are known are hidden: an example may look like one.
        """
        line = "".join(char if char.isprintable() else " " for char in words)
        hidden = conceal(line, self._secrets)
        hidden = hidden if ours else redact_text(hidden)
        for word in self._words:
            hidden = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "***", hidden)
        return hidden.replace(self._home, "~") if len(self._home) > 1 else hidden

    def text(self, words: Text, *, ours: bool = False) -> Text:
        return Text(self.plain(words.en, ours=ours), self.plain(words.zh, ours=ours))

    def check(self, check: Check) -> Check:
        """The same check, fit to be shown."""
        return replace(
            check,
            subject=self.plain(check.subject),
            finding=self.text(check.finding),
            mend=None if check.mend is None else self.text(check.mend, ours=True),
            fault=self.plain(check.fault),
            because=self.plain(check.because),
            details={name: self._detail(value) for name, value in check.details.items()},
        )

    def _detail(self, value: Detail) -> Detail:
        return self.plain(value) if isinstance(value, str) else value


def _parts(key: str, value: str) -> Iterable[str]:
    if key == "OAUTH_TOKEN_STORE" and "://" not in value:
        return ()
    parts = [part.strip() for part in value.split(",")] if key in {"OCA_API_KEYS", "OAUTH_STORE_KEY"} else []
    if key == "HTTP_PROXY_URL":
        # Its host and port are told; who logs in there is not.
        return _credentials_in(value if "://" in value else f"http://{value}")
    return [value, *parts]


def _credentials_in(address: str) -> Iterable[str]:
    """Name and password in an address, as they are written, as they are meant, and as a header carries them."""
    if "@" not in address:
        return ()
    try:
        parts = urlsplit(address)
        name, password = parts.username or "", parts.password or ""
    except ValueError:
        return (address,)
    pair = f"{unquote(name)}:{unquote(password)}"
    # A short name is an everyday word, and names nobody without the rest.
    names = [each for each in (name, unquote(name)) if len(each) >= _LONG]
    return (*names, password, unquote(password), pair, _basic(pair), parts.netloc.rpartition("@")[0])


def _basic(pair: str) -> str:
    return b64encode(pair.encode()).decode("ascii")
