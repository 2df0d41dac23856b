"""What is known of the ways out: direct, and through the proxy."""

from domain.http import Route


class RouteMemory:
    """Remembers which route worked last, for both drivers. A single attribute is read and written, so no lock."""

    def __init__(self, *, proxied: bool) -> None:
        self._routes = (Route.DIRECT, Route.PROXY) if proxied else (Route.DIRECT,)
        self._working: Route | None = None

    @property
    def known(self) -> bool:
        return self._working is not None or len(self._routes) == 1

    def routes(self) -> tuple[Route, ...]:
        first = self._working
        return self._routes if first is None else (first, *(route for route in self._routes if route is not first))

    def remember(self, route: Route | None) -> None:
        self._working = route
