"""Where it is kept in mind what an authorization server has said of itself."""

from typing import Protocol

from domain.server_metadata import RememberedServer


class ServerMemory(Protocol):
    """Shared by all processes that share a login. Safe to call from any thread."""

    def recall(self, address: str) -> RememberedServer:
        """What is remembered of the server at this address; an empty memory where that is nothing. Never raises."""
        ...

    def remember(self, address: str, memory: RememberedServer) -> None:
        """Keep this, in place of what was remembered of that server; to be called while holding the store's lock.

        Raises TokenStoreError.
        """
        ...
