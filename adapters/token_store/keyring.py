"""The login in the operating system's keyring: Keychain, Credential Locker, Secret Service, KWallet."""

import json
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol, cast

import keyring
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, KeyringLocked, NoKeyringError, PasswordDeleteError

from adapters.token_store.files import Files
from adapters.token_store.notebook import Notebook
from adapters.token_store.sealed import OpenSeal, Seal
from adapters.token_store.sidecar import Hold, SidecarLock, sidecar_of
from adapters.token_store.troubles import could_not, store_error
from adapters.token_store.vault import Stored
from adapters.token_store.vault_store import DEFAULT_LOCK_TIMEOUT, VaultTokenStore
from domain.errors import TokenStoreError
from domain.tokens import TokenSet, parse_expires_at
from domain.words import Text

SERVICE = "oca-gateway"
# Windows takes 2,560 bytes for a credential, of UTF-16. The others have no limit that a login comes near.
_WINDOWS_PIECE_CHARS = 1200
_MOST_PIECES = 64
# A reader that comes between two steps of a writer looks again.
_REREADS = 20
_REREAD_PAUSE = timedelta(milliseconds=5)


class Backend(Protocol):
    """What is used of keyring.backend.Backend, which leaves its types open."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class KeyringVault:
    """Implements adapters.token_store.vault.Vault: one entry of JSON for the login, and a lock file in `folder`.

    A text longer than `piece_chars` is cut into pieces, kept under services of their own, and the entry tells where
    they are. It is changed last, and the pieces that it told of before are left alone until then: a reader finds the
    old login or the new one.
    """

    def __init__(self, backend: Backend, *, name: str, folder: Path, seal: Seal, piece_chars: int | None) -> None:
        kind = type(backend).__module__
        self.place = Text(
            f"the keyring {kind} (service {SERVICE}, user {name})", f"密钥环 {kind}（service {SERVICE}，user {name}）"
        )
        self._backend = backend
        self._name = name
        self._target = folder / f"{SERVICE}-{name}"
        self._seal = seal
        self._piece_chars = piece_chars
        self._lock = SidecarLock(Files())

    def read(self) -> Stored:
        with self._translated("be read from"):
            text = self._text()
        if text is None:
            return Stored(tokens=TokenSet(), version=None)
        return Stored(tokens=_tokens(self._seal.unseal(text)), version=text)

    def write(self, hold: Hold, tokens: TokenSet, *, parent: Stored | None) -> Stored | None:
        del hold
        text = self._seal.seal(_encoded(tokens))
        with self._translated("be written to"):
            if parent is not None and self._text() != parent.version:
                return None
            self._put(text)
            if self._text() != text:
                raise TokenStoreError(
                    Text(
                        f"{self.place} took the tokens and does not give them back. Keep the login in .env.",
                        f"{self.place.zh} 接收了令牌却无法读回。请把登录信息保存在 .env 中。",
                    )
                )
        return Stored(tokens=_tokens(self._seal.unseal(text)), version=text)

    def prove(self, hold: Hold | None) -> None:
        del hold
        service, probe = f"{SERVICE}/probe", token_hex(8)
        with self._translated("be written to"):
            self._backend.set_password(service, self._name, probe)
            found = self._backend.get_password(service, self._name)
            self._drop(service)
        if found != probe:
            raise TokenStoreError(
                Text(
                    f"{self.place} does not keep what it is given. Choose another one (`keyring --list-backends`), or "
                    "keep the login in .env.",
                    f"{self.place.zh} 无法保存所写入的内容。请选择其他密钥环（`keyring --list-backends`），"
                    "或把登录信息保存在 .env 中。",
                )
            )

    def acquire(self, wait: timedelta) -> Hold | None:
        try:
            self._target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._lock.acquire(self._target, wait=wait)
        except OSError as error:
            raise store_error("be locked with", sidecar_of(self._target), error) from error

    def release(self, hold: Hold) -> None:
        self._lock.release(hold)

    def _text(self) -> str | None:
        """The whole text, put together again."""
        for _ in range(_REREADS):
            head = self._backend.get_password(SERVICE, self._name)
            slot, count = _pieces_of(head)
            if count == 0:
                return head
            pieces = [self._backend.get_password(_service(slot, index), self._name) for index in range(count)]
            if self._backend.get_password(SERVICE, self._name) == head:
                whole = [piece for piece in pieces if piece is not None]
                return "".join(whole) if len(whole) == count else None
            time.sleep(_REREAD_PAUSE.total_seconds())  # noqa: TID251 - a bounded wait for another process's writing
        raise TokenStoreError(
            could_not("be read from", self.place)
            + Text(": it changes all the time. Try again.", "：其内容一直在变化。请重试。")
        )

    def _put(self, text: str) -> None:
        size = self._piece_chars
        if size is None:
            self._backend.set_password(SERVICE, self._name, text)
            return
        pieces = [text[start : start + size] for start in range(0, len(text), size)] if len(text) > size else []
        if len(pieces) > _MOST_PIECES:
            raise TokenStoreError(
                Text(
                    f"The tokens are too long for {self.place}. Keep the login in .env.",
                    f"令牌过长，{self.place.zh} 无法容纳。请把登录信息保存在 .env 中。",
                )
            )
        old_slot, _ = _pieces_of(self._backend.get_password(SERVICE, self._name))
        new_slot, spare_slot = ("b", "a") if old_slot == "a" else ("a", "b")
        for index, piece in enumerate(pieces):
            self._backend.set_password(_service(new_slot, index), self._name, piece)
        # Random, so that no two heads are the same and a reader sees that one was replaced.
        head = json.dumps({"slot": new_slot, "pieces": len(pieces), "id": token_hex(4)})
        self._backend.set_password(SERVICE, self._name, head if pieces else text)
        self._drop_pieces(spare_slot, 0)
        self._drop_pieces(new_slot, len(pieces))

    def _drop_pieces(self, slot: str, start: int) -> None:
        """Leave nothing of an older login, whether it was replaced or its writer died."""
        end = start
        while end < _MOST_PIECES and self._backend.get_password(_service(slot, end), self._name) is not None:
            end += 1
        # The last one first: who dies half-way leaves no gap before pieces that nobody would look for.
        for index in reversed(range(start, end)):
            self._drop(_service(slot, index))

    def _drop(self, service: str) -> None:
        with suppress(PasswordDeleteError):
            self._backend.delete_password(service, self._name)

    @contextmanager
    def _translated(self, what: str) -> Generator[None]:
        try:
            yield
        except TokenStoreError:
            raise
        except NoKeyringError as error:
            raise TokenStoreError(
                could_not(what, Text("a keyring", "密钥环"))
                + Text(
                    ": this system offers none. On a Linux desktop install gnome-keyring or KWallet and unlock it; on "
                    "a server keep the login in .env or in Redis.",
                    "：本系统没有密钥环。在 Linux 桌面上请安装 gnome-keyring 或 KWallet 并解锁；"
                    "在服务器上请把登录信息保存在 .env 或 Redis 中。",
                )
            ) from error
        except KeyringLocked as error:
            raise TokenStoreError(
                could_not(what, self.place) + Text(": it is locked. Unlock it.", "：它已锁定。请解锁。")
            ) from error
        except Exception as error:
            # Backends are plug-ins around D-Bus and other foreign interfaces, and let their errors through.
            cause = type(error).__name__ if not isinstance(error, KeyringError) else str(error) or type(error).__name__
            raise TokenStoreError(
                could_not(what, self.place)
                + Text(
                    f": {cause.rstrip('.')}. See that it is unlocked and that this program is allowed to use it "
                    "(`python -m keyring diagnose`).",
                    f"：{cause.rstrip('.')}。请确认它已解锁，且允许本程序使用（`python -m keyring diagnose`）。",
                )
            ) from error


class KeyringTokenStore(VaultTokenStore[Hold]):
    """Keeps a login in the keyring of the operating system's user, for processes on one machine.

    What is kept, besides what VaultTokenStore promises: one refresh at a time, by a lock file in `folder` that the
    kernel frees when its holder dies; a save that replaces one entry of the keyring, notes included. A refresh token
    that a person has put there (`keyring set oca-gateway NAME`) is taken as it is. How durable an entry is, and who may
    read it, is the keyring's affair.

    `backend` is the one that the library `keyring` chooses, unless it is given.
    """

    def __init__(
        self,
        *,
        folder: Path,
        name: str = "default",
        backend: KeyringBackend | None = None,
        seal: Seal | None = None,
        seed_refresh_token: str | None = None,
        lock_timeout: timedelta = DEFAULT_LOCK_TIMEOUT,
        piece_chars: int | None = _WINDOWS_PIECE_CHARS if sys.platform == "win32" else None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        vault = KeyringVault(
            cast("Backend", backend or keyring.get_keyring()),
            name=name,
            folder=folder,
            seal=seal or OpenSeal(),
            piece_chars=piece_chars,
        )
        super().__init__(vault, seed_refresh_token=seed_refresh_token, lock_timeout=lock_timeout, now_s=now_s)


def _service(slot: str, index: int) -> str:
    return f"{SERVICE}/{slot}{index}"


def _pieces_of(head: str | None) -> tuple[str, int]:
    """The slot and the number of the pieces that an entry tells of; none when it is the text itself."""
    document = _json_object(head or "")
    slot, count = document.get("slot"), document.get("pieces")
    if slot not in {"a", "b"} or not isinstance(count, int) or not 0 < count <= _MOST_PIECES:
        return "", 0
    return cast("str", slot), count


def _encoded(tokens: TokenSet) -> str:
    return json.dumps(
        {
            "refresh_token": tokens.refresh_token,
            "access_token": tokens.access_token,
            "expires_at": None if tokens.expires_at is None else tokens.expires_at.astimezone(UTC).isoformat(),
            "notes": Notebook.of(tokens).document(),
        }
    )


def _tokens(text: str) -> TokenSet:
    document = _json_object(text)
    if not document:
        # Put there by a person.
        return TokenSet(refresh_token=text.strip() or None)
    notes = document.get("notes")
    notebook = Notebook.of_document(cast("Mapping[str, Any]", notes) if isinstance(notes, dict) else {})
    return notebook.applied_to(
        TokenSet(
            refresh_token=_token(document.get("refresh_token")),
            access_token=_token(document.get("access_token")),
            expires_at=parse_expires_at(str(document.get("expires_at"))),
        )
    )


def _token(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        document: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", document) if isinstance(document, dict) else {}
