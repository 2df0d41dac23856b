"""A TCP connection to a host by whichever of its addresses answers first (RFC 8305, Happy Eyeballs).

asyncio's own race is not there on uvloop, and this one is the same on both.
"""

import asyncio
import socket
from collections.abc import Iterable
from functools import partial
from ipaddress import ip_address
from itertools import chain, zip_longest
from typing import Any, TypeAlias

# RFC 8305 section 5 advises it: an address that swallows packets leaves time for the next one.
NEXT_ATTEMPT_S = 0.25

Address: TypeAlias = tuple[Any, ...]  # an entry of getaddrinfo


async def open_socket(host: str, port: int) -> socket.socket:
    """Raises OSError; UnicodeError for a host that cannot be a name. How long it may take is the caller's matter."""
    addresses = families_in_turn(await _resolve(host, port))
    if len(addresses) == 1:
        return await _connect(addresses[0])
    return await _first_of(addresses)


async def _resolve(host: str, port: int) -> list[Address]:
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        ip_address(host)
    except ValueError:
        # socket's own on every loop, in a thread that is left behind when it takes too long.
        found = await asyncio.get_running_loop().run_in_executor(None, look_up)
    else:
        found = look_up(flags=socket.AI_NUMERICHOST)  # asks nobody
    if not found:
        raise OSError(f"no address for {host}")
    return list(found)


def families_in_turn(addresses: Iterable[Address]) -> list[Address]:
    """The system's order, but never several addresses of one family while the other waits (RFC 8305 section 4)."""
    by_family: dict[Any, list[Address]] = {}
    for address in addresses:
        by_family.setdefault(address[0], []).append(address)
    return [address for address in chain(*zip_longest(*by_family.values())) if address is not None]


async def _connect(address: Address) -> socket.socket:
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


async def _first_of(addresses: list[Address]) -> socket.socket:
    left = list(addresses)
    attempts: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException = OSError("no address")
    try:
        while left or attempts:
            if left:
                attempts.add(asyncio.ensure_future(_connect(left.pop(0))))
            done, attempts = await asyncio.wait(
                attempts, timeout=NEXT_ATTEMPT_S if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            winners = [task.result() for task in done if task.exception() is None]
            for late in winners[1:]:
                late.close()
            if winners:
                return winners[0]
            failure = next((error for task in done if (error := task.exception())), failure)
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_close_unwanted)
    raise failure


def _close_unwanted(attempt: "asyncio.Task[socket.socket]") -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
