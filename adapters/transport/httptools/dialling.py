"""From a destination to a connection on which a request can leave: TCP, the proxy, TLS."""

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

from adapters.transport.httptools.connection import Connection
from adapters.transport.httptools.destinations import Destination, Hop
from adapters.transport.httptools.sockets import open_socket
from adapters.transport.httptools.tunnels import Tunnel

# A limit of the event loop's own, which must not strike before ours does.
HANDSHAKE_S = 3600.0

P = TypeVar("P", bound=asyncio.Protocol)


class Dialling:
    """One attempt to reach a destination.

    `tls_host` is the host of the TLS handshake under way; `at_proxy` tells that the proxy itself is not reached yet.
    """

    def __init__(self, destination: Destination, tls: ssl.SSLContext, new_connection: Callable[[], Connection]) -> None:
        self.tls_host: str | None = None
        self.at_proxy = destination.proxy is not None
        self._destination = destination
        self._tls = tls
        self._new_connection = new_connection

    async def connection(self) -> Connection:
        """Raises OSError, UnicodeError and TunnelRefusedError, and leaves nothing open when it does."""
        destination = self._destination
        if destination.proxy is None:
            return await self._reach(destination.origin, self._new_connection())
        if not destination.tunnelled:
            return await self._reach(destination.proxy, self._new_connection())
        return await self._through(await self._reach(destination.proxy, Tunnel()))

    async def _reach(self, hop: Hop, protocol: P) -> P:
        sock = await open_socket(hop.host, hop.port)
        self.tls_host = hop.host if hop.secure else None
        loop = asyncio.get_running_loop()
        try:
            if hop.secure:
                await loop.create_connection(
                    lambda: protocol,
                    sock=sock,
                    ssl=self._tls,
                    server_hostname=hop.host,
                    ssl_handshake_timeout=HANDSHAKE_S,
                )
            else:
                await loop.create_connection(lambda: protocol, sock=sock)
        except BaseException:
            if isinstance(loop, asyncio.BaseEventLoop):
                sock.close()
            else:
                # libuv closes the descriptor by itself. Closed here too, now or by the garbage collector, the number
                # might be that of another connection by then.
                sock.detach()
            raise
        self.tls_host = None
        self.at_proxy = False
        return protocol

    async def _through(self, tunnel: Tunnel) -> Connection:
        origin = self._destination.origin
        connection = self._new_connection()
        try:
            raw = await tunnel.open(self._destination)
            self.tls_host = origin.host
            transport = await asyncio.get_running_loop().start_tls(
                raw, connection, self._tls, server_hostname=origin.host, ssl_handshake_timeout=HANDSHAKE_S
            )
        except BaseException:
            tunnel.abort()
            raise
        if transport is None:  # its connection was lost in the same moment
            raise ConnectionResetError
        connection.connection_made(transport)
        return connection
