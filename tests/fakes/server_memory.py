"""A memory of authorization servers, in memory."""

from domain.server_metadata import RememberedServer


class FakeServerMemory:
    """Implements ports.server_memory.ServerMemory; `servers` is what it holds."""

    def __init__(self) -> None:
        self.servers: dict[str, RememberedServer] = {}

    def recall(self, address: str) -> RememberedServer:
        return self.servers.get(address, RememberedServer())

    def remember(self, address: str, memory: RememberedServer) -> None:
        self.servers[address] = memory
