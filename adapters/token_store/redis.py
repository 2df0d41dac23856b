"""The login in Redis, shared by several machines."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, timedelta
from typing import Any, cast

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.token_store.lease import Lease, LeaseLock
from adapters.token_store.notebook import Notebook
from adapters.token_store.sealed import OpenSeal, Seal
from adapters.token_store.troubles import could_not
from adapters.token_store.vault import HoldLostError, Stored, VaultAwayError
from adapters.token_store.vault_store import DEFAULT_LOCK_TIMEOUT, VaultTokenStore
from domain.errors import ConfigurationError, TokenStoreError
from domain.tokens import TokenSet, parse_expires_at
from domain.words import Text

# The longest wait for the answer of a token endpoint, once the refresh token has been sent.
LONGEST_REQUEST = timedelta(seconds=30)
_MARGIN = timedelta(seconds=5)
_CONNECT_TIMEOUT = timedelta(seconds=1)
_ANSWER_TIMEOUT = timedelta(seconds=2)
_FIELDS = ("refresh_token", "access_token", "expires_at", "notes", "generation")

# KEYS: login, fence, lease. ARGV: owner, lease in ms, what must be there now ("anything", "nothing" or "something"),
# its refresh token as it is stored, then pairs of field and value.
_SAVE = """
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[1] then return 'lost' end
if ARGV[3] ~= 'anything' then
  local there = redis.call('EXISTS', KEYS[1]) == 1
  local token = redis.call('HGET', KEYS[1], 'refresh_token') or ''
  local expected = ARGV[3] == 'something'
  if there ~= expected or token ~= ARGV[4] then return 'changed' end
end
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
return 'saved'
"""

# The same keys. ARGV: owner (empty: whoever that is), lease in ms. Writes what is there already: a replica, a full
# memory, a disk that Redis cannot write to and a lack of permission refuse that as they would refuse a save.
_PROVE = """
if ARGV[1] ~= '' then
  if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[1] then return 'lost' end
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
end
local there = redis.call('EXISTS', KEYS[1]) == 1
redis.call('HSET', KEYS[1], 'generation', redis.call('HGET', KEYS[1], 'generation') or '0')
if not there then redis.call('DEL', KEYS[1]) end
return 'proven'
"""


class RedisVault:
    """Implements adapters.token_store.vault.Vault: a hash for the login, a key for the lease, a hash for the fence."""

    def __init__(
        self, client: Redis, *, name: str, prefix: str, seal: Seal, longest_request: timedelta, lease: timedelta
    ) -> None:
        # The braces keep the three keys on one node of a cluster, which a script over all of them needs.
        key = f"{prefix}:{{{name}}}"
        address = _address(client)
        self.place = Text(f"Redis at {address} (key {key}:login)", f"Redis {address}（键 {key}:login）")
        self._client = client
        self._login_key = f"{key}:login"
        self._seal = seal
        self._longest_request = longest_request
        self._lock = LeaseLock(client, lease_key=f"{key}:lease", fence_key=f"{key}:fence", length=lease)
        self._save = client.register_script(_SAVE)
        self._prove = client.register_script(_PROVE)

    def read(self) -> Stored:
        with self._translated("be read from"):
            values = [_text(value) for value in self._client.hmget(self._login_key, _FIELDS)]
        refresh_token, access_token, expires_at, notes, _ = values
        if values == [None] * len(_FIELDS):
            return Stored(tokens=TokenSet(), version=None)
        tokens = TokenSet(
            refresh_token=self._seal.unseal(refresh_token or "").strip() or None,
            access_token=self._seal.unseal(access_token or "").strip() or None,
            expires_at=parse_expires_at(expires_at or ""),
        )
        return Stored(tokens=Notebook.decode((notes or "").encode()).applied_to(tokens), version=refresh_token or "")

    def write(self, hold: Lease, tokens: TokenSet, *, parent: Stored | None) -> Stored | None:
        refresh_token = self._sealed(tokens.refresh_token)
        notes = Notebook.of(tokens)
        values = {
            "refresh_token": refresh_token,
            "access_token": self._sealed(tokens.access_token),
            "expires_at": "" if tokens.expires_at is None else tokens.expires_at.astimezone(UTC).isoformat(),
            "notes": notes.encode().decode("ascii"),
            "generation": str(hold.number),
        }
        expected = "anything" if parent is None else "nothing" if parent.version is None else "something"
        version = "" if parent is None else parent.version or ""
        pairs = [text for pair in values.items() for text in pair]
        with self._translated("be written to"):
            outcome = self._run(self._save, hold, expected, version, *pairs)
        if outcome == "lost":
            raise self._lost(hold)
        if outcome == "changed":
            return None
        bare = TokenSet(
            refresh_token=tokens.refresh_token, access_token=tokens.access_token, expires_at=tokens.expires_at
        )
        return Stored(tokens=notes.applied_to(bare), version=refresh_token)

    def prove(self, hold: Lease | None) -> None:
        with self._translated("be written to"):
            outcome = self._run(self._prove, hold)
        if hold is None:
            return
        if outcome == "lost":
            raise self._lost(hold)
        if hold.good_until_s - time.monotonic() <= self._longest_request.total_seconds():
            raise HoldLostError(
                Text(
                    f"{self.place} answers so slowly that the lock on the login could end during a refresh: none is "
                    "begun. Bring Redis closer, or find what keeps it busy.",
                    f"{self.place.zh} 响应过慢，登录的锁可能在刷新期间失效，因此不开始刷新。"
                    "请使用更近的 Redis，或查明它为何繁忙。",
                )
            )

    def acquire(self, wait: timedelta) -> Lease | None:
        with self._translated("be locked in"):
            return self._lock.acquire(wait)

    def release(self, hold: Lease) -> None:
        # Where Redis is away, the lease ends by itself.
        with suppress(exceptions.RedisError):
            self._lock.release(hold)

    def _sealed(self, token: str | None) -> str:
        return self._seal.seal(token) if token else ""

    def _run(self, script: Any, hold: Lease | None, *arguments: str) -> str | None:
        """The script's outcome; each one that it lets pass makes the lease as long as a new one."""
        good_until_s = self._lock.good_until_s()
        keys = [self._login_key, self._lock.fence_key, self._lock.lease_key]
        owner = "" if hold is None else hold.owner
        outcome = _text(script(keys=keys, args=[owner, self._lock.length_ms, *arguments]))
        if hold is not None and outcome in {"saved", "proven"}:
            hold.good_until_s = good_until_s
        return outcome

    def _lost(self, hold: Lease) -> HoldLostError:
        return HoldLostError(
            Text(
                f"The lock on the login in {self.place} ended while it was held (lease {hold.number}), and another "
                "process may have renewed the login since: nothing was overwritten. Try again.",
                f"{self.place.zh} 中登录的锁在持有期间失效（租约 {hold.number}），其他进程此后可能已刷新登录："
                "没有覆盖任何内容。请重试。",
            )
        )

    @contextmanager
    def _translated(self, what: str) -> Generator[None]:
        try:
            yield
        except exceptions.RedisError as error:
            raise _told(error, what, self.place) from error


class RedisTokenStore(VaultTokenStore[Lease]):
    """Keeps a login in Redis, for processes on any number of machines.

    What is kept, besides what VaultTokenStore promises:

    - One refresh at a time: who refreshes holds a lease of twice the longest request, and renews it. The lease of a
      dead holder ends within that time. Right before a refresh token is sent, Redis has confirmed the whole lease.
    - A holder that was paused beyond its lease overwrites nothing: a save is refused once anybody else has had the
      lease. What it has bought lives on in its memory and is stored only if no other login was stored meanwhile.
    - A save is one step: the three values, the notes on them and the number of the lease are written together.
    - Nothing that is shown holds a token, a key or the password of Redis.

    What Redis has to do its part for: `appendonly yes` with `appendfsync always`, or a login that has just been rotated
    is lost with its power; `maxmemory-policy noeviction`, or it may throw the login away; with replicas,
    `min-replicas-to-write 1`, or a failover may forget the login and the lock. Access with `rediss://`, and a user for
    whom there are no keys but `{prefix}:*`.

    What no client can keep: a holder that is paused for longer than its lease between the last word of Redis and the
    moment of sending; and a rotation whose answer is lost, as with the login in `.env`.

    The address is `redis://`, `rediss://` or `unix://`; certificates are named in it (`?ssl_ca_certs=/path/ca.pem`).
    """

    def __init__(
        self,
        *,
        url: str,
        name: str = "default",
        prefix: str = "oca",
        seal: Seal | None = None,
        seed_refresh_token: str | None = None,
        lock_timeout: timedelta = DEFAULT_LOCK_TIMEOUT,
        longest_request: timedelta = LONGEST_REQUEST,
        lease: timedelta | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = _client(url)
        vault = RedisVault(
            self._client,
            name=name,
            prefix=prefix,
            seal=seal or OpenSeal(),
            longest_request=longest_request,
            lease=lease or 2 * (longest_request + _MARGIN),
        )
        super().__init__(vault, seed_refresh_token=seed_refresh_token, lock_timeout=lock_timeout, now_s=now_s)

    def close(self) -> None:
        """Close the connections; the store opens new ones when it is used again."""
        self._client.close()


def _client(url: str) -> Redis:
    """A client that has not connected yet. Raises ConfigurationError."""
    # The library leaves the types of these arguments open.
    from_url = cast("Callable[..., Redis]", Redis.from_url)  # pyright: ignore[reportUnknownMemberType]
    try:
        return from_url(
            url,
            decode_responses=True,
            encoding_errors="replace",
            socket_connect_timeout=_CONNECT_TIMEOUT.total_seconds(),
            socket_timeout=_ANSWER_TIMEOUT.total_seconds(),
            # Once more at once, for a connection that a restarted server has closed. All that is asked bears it: who
            # asks for a lease again has it already, and a login that is found instead of its parent is looked at.
            retry=Retry(NoBackoff(), 1, supported_errors=(exceptions.ConnectionError,)),
            client_name="oca-gateway",
        )
    except (ValueError, TypeError):
        # Without the cause, which may quote the password.
        raise ConfigurationError(
            Text(
                "The address of Redis is malformed. Write it as rediss://user:password@host:6379/0, with the special "
                "characters of the password percent-encoded.",
                "Redis 的地址格式有误。请写成 rediss://user:password@host:6379/0，密码中的特殊字符须用百分号编码。",
            )
        ) from None


def _address(client: Redis) -> str:
    known = cast("Mapping[str, object]", client.get_connection_kwargs())  # pyright: ignore[reportUnknownMemberType]
    return str(known.get("path") or f"{known.get('host', 'localhost')}:{known.get('port', 6379)}")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _told(error: exceptions.RedisError, what: str, place: Text) -> TokenStoreError:
    # Redis quotes the arguments of a command that it does not know.
    cause = (
        str(error).partition(", with args")[0].splitlines()[0][:300].rstrip(".") if str(error) else "no reason given"
    )
    message = could_not(what, place) + Text(f": {cause}.", f"：{cause}。")
    if isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError):
        return TokenStoreError(
            message
            + Text(
                " Check the user and the password in its address.",
                "请检查其地址（OAUTH_TOKEN_STORE）中的用户名和密码。",
            )
        )
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError):
        return VaultAwayError(
            message
            + Text(
                " Valid tokens go on being used, and none is renewed until it is back.",
                "有效的令牌继续使用，在它恢复之前不会刷新令牌。",
            )
        )
    return TokenStoreError(message)
