"""A lock in Redis that ends with its holder: a lease, renewed while it is held, with a fencing number.

The lease alone cannot keep a paused holder from going on after its end. So each one gets a number above all before
it, and what is written under it is written only while that number is the last one given out.
"""

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_hex
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

_SHORTEST_PAUSE = timedelta(milliseconds=5)
_LONGEST_PAUSE = timedelta(milliseconds=50)
_RENEWALS_PER_LEASE = 3
# A refresh with all its repetitions ends long before. What hangs for longer must not keep the others from theirs.
_LONGEST_HOLD_IN_LEASES = 6
_RETRY_RENEWAL_AFTER = timedelta(seconds=1)

# KEYS: lease, fence. ARGV: owner, length in ms. Returns the number of the lease, 0 when it is somebody else's.
_ACQUIRE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  redis.call('HSET', KEYS[2], 'owner', ARGV[1])
  return redis.call('HINCRBY', KEYS[2], 'number', 1)
end
if redis.call('GET', KEYS[1]) == ARGV[1] then
  -- Asked before, and the answer was lost.
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(redis.call('HGET', KEYS[2], 'number'))
end
return 0
"""

# KEYS and ARGV as before. A lease that has ended is renewed as well, unless somebody else has had one since.
_RENEW = """
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

# KEYS and ARGV as before. The owner goes too, so that a renewal that was under way brings nothing back.
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
if redis.call('HGET', KEYS[2], 'owner') == ARGV[1] then redis.call('HDEL', KEYS[2], 'owner') end
return 1
"""


@dataclass(slots=True, kw_only=True, eq=False)
class Lease:
    """A lease that was given to this process. `good_until_s` is monotonic, and early rather than late."""

    owner: str = field(repr=False)
    number: int
    good_until_s: float
    ended: threading.Event = field(default_factory=threading.Event)


class LeaseLock:
    """Gives leases of `length` on `lease_key`; `fence_key` keeps the last number, and whose it is.

    All raise RedisError.
    """

    def __init__(self, client: Redis, *, lease_key: str, fence_key: str, length: timedelta) -> None:
        self.lease_key = lease_key
        self.fence_key = fence_key
        self.length = length
        self._acquire = client.register_script(_ACQUIRE)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)

    @property
    def length_ms(self) -> int:
        return max(1, round(self.length.total_seconds() * 1000))

    def good_until_s(self) -> float:
        """When a lease ends that is taken or renewed from now on."""
        return time.monotonic() + self.length.total_seconds()

    def acquire(self, wait: timedelta) -> Lease | None:
        """A lease that renews itself, or None when others have it for longer than `wait`."""
        owner = token_hex(16)
        deadline_s = time.monotonic() + wait.total_seconds()
        pause_s = _SHORTEST_PAUSE.total_seconds()
        while True:
            good_until_s = self.good_until_s()
            try:
                number = int(self._run(self._acquire, owner))
            except RedisError:
                # It may have been given, and the answer lost: that would lock everybody out for its length.
                with suppress(RedisError):
                    self._run(self._release, owner)
                raise
            if number:
                lease = Lease(owner=owner, number=number, good_until_s=good_until_s)
                self._keep_renewed(lease)
                return lease
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return None
            # Spread, so that those who wait do not all ask at once.
            jittered_s = pause_s * random.uniform(0.5, 1)  # noqa: S311 - spreads requests, guards nothing
            time.sleep(min(jittered_s, left_s))  # noqa: TID251 - a bounded wait for what another process does
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE.total_seconds())

    def renew(self, lease: Lease) -> bool:
        """Whether the lease lasts for its whole length again; not, once it was released or somebody else had one."""
        good_until_s = self.good_until_s()
        renewed = bool(self._run(self._renew, lease.owner))
        if renewed:
            lease.good_until_s = good_until_s
        return renewed

    def release(self, lease: Lease) -> None:
        lease.ended.set()
        self._run(self._release, lease.owner)

    def _keep_renewed(self, lease: Lease) -> None:
        worker = threading.Thread(target=self._renew_until_ended, args=(lease,), name="oca-lease-renewal", daemon=True)
        # The interpreter may be shutting down and start no threads any more: one length is enough for a refresh.
        with suppress(RuntimeError):
            worker.start()

    def _renew_until_ended(self, lease: Lease) -> None:
        until_s = time.monotonic() + self.length.total_seconds() * _LONGEST_HOLD_IN_LEASES
        pause_s = usual_s = self.length.total_seconds() / _RENEWALS_PER_LEASE
        while not lease.ended.wait(pause_s) and time.monotonic() < until_s:
            try:
                if not self.renew(lease):
                    return
            except RedisError:
                pause_s = min(usual_s, _RETRY_RENEWAL_AFTER.total_seconds())
            else:
                pause_s = usual_s

    def _run(self, script: Any, owner: str) -> Any:
        return script(keys=[self.lease_key, self.fence_key], args=[owner, self.length_ms])
