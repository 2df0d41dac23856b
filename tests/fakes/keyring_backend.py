"""A keyring in memory."""

from collections.abc import Callable
from typing import Any, cast

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError, PasswordSetError


class FakeKeyring(KeyringBackend):
    """Keeps passwords for as long as it lives.

    `longest` is how many characters it takes, as Windows has a limit. `writable` says whether it takes any.
    `before_step` is called before each change, with how many there were: raise in it to play a death.
    """

    priority = cast("Any", -1)  # never chosen by itself

    def __init__(self, longest: int | None = None) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.longest = longest
        self.writable = True
        self.steps = 0
        self.before_step: Callable[[int], None] = lambda _: None

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._step()
        if not self.writable or (self.longest is not None and len(password) > self.longest):
            raise PasswordSetError("refused")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._step()
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")

    def _step(self) -> None:
        self.before_step(self.steps)
        self.steps += 1
