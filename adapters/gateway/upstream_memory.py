"""What a process has learnt of the upstream and of the ways to it."""

from datetime import datetime

from domain.http import Route


class UpstreamMemory:
    """Which route worked last, and until when a refused token is not renewed, for both drivers.

    Single attributes are read and written, so there is no lock.
    """

    def __init__(self, *, proxied: bool) -> None:
        self._routes = (Route.DIRECT, Route.PROXY) if proxied else (Route.DIRECT,)
        self._working: Route | None = None
        self.rejection_until: datetime | None = None

    @property
    def known(self) -> bool:
        return self._working is not None or len(self._routes) == 1

    def routes(self) -> tuple[Route, ...]:
        first = self._working
        return self._routes if first is None else (first, *(route for route in self._routes if route is not first))

    def remember(self, route: Route | None) -> None:
        self._working = route
