"""What a process has learnt of the upstream and of the ways to it."""

from datetime import datetime

from domain.errors import UpstreamStatusError
from domain.http import Route
from domain.model_names import means_unknown_model, mend_of_unknown_model, nearest_names
from ports.gateway import ModelList


class UpstreamMemory:
    """Which route worked last, until when a refused token is not renewed, and which models there are.

    For both drivers. `models` is empty until the upstream has given its list.

    Single attributes are read and written, so there is no lock.
    """

    def __init__(self, *, proxied: bool) -> None:
        self._routes = (Route.DIRECT, Route.PROXY) if proxied else (Route.DIRECT,)
        self._working: Route | None = None
        self.rejection_until: datetime | None = None
        self.models: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        return self._working is not None or len(self._routes) == 1

    def routes(self) -> tuple[Route, ...]:
        first = self._working
        return self._routes if first is None else (first, *(route for route in self._routes if route is not first))

    def remember(self, route: Route | None) -> None:
        self._working = route

    def know(self, listed: ModelList) -> None:
        """Remember the upstream's list, to tell of names that come near one that it does not know."""
        self.models = tuple(model.id for model in listed.models)

    def wants_models(self, error: UpstreamStatusError) -> bool:
        """Whether the list, which is not known yet, would help with this error."""
        return not self.models and means_unknown_model(error.status, error.body)

    def explained(self, error: UpstreamStatusError, model: str) -> UpstreamStatusError:
        """The error of a request for this model; with names that come near, where the upstream does not know it."""
        if not model or model in self.models or not means_unknown_model(error.status, error.body):
            return error
        if not nearest_names(model, self.models):
            # Nothing to add to the upstream's own words.
            return error
        hint = mend_of_unknown_model(model, self.models)
        return UpstreamStatusError(status=error.status, headers=error.headers, body=error.body, hint=hint)
