"""Which way a quick call goes, and when it may go another way."""

from collections.abc import Sequence

from domain.advice import PROXY_CAUSES
from domain.effects import Flow, ReadRoutes, RememberRoute, Send
from domain.errors import CertificateError, NotConnectedError, ResponseTooLargeError, TransportError
from domain.http import HttpRequest, HttpResponse, Timeouts
from domain.words import Text, joined


def over_routes_flow(
    request: HttpRequest, timeouts: Timeouts, *, max_bytes: int, repeatable: bool = False
) -> Flow[HttpResponse]:
    """A quick call over the route that worked last, else over the other, remembering which one works.

    The other route is tried when the request provably never left; a `repeatable` request also after other failures.
    A refresh is not repeatable: a rotated token must not be asked for twice. Raises TransportError.
    """
    failures: list[TransportError] = []
    for route in (yield from ReadRoutes()):
        try:
            response = yield from Send(request=request, route=route, timeouts=timeouts, max_bytes=max_bytes)
        except (CertificateError, ResponseTooLargeError):
            raise
        except TransportError as error:
            failures.append(error)
            if not (repeatable or isinstance(error, NotConnectedError)):
                raise
        else:
            yield from RememberRoute(route)
            return response
    yield from RememberRoute(None)
    raise combined(failures)


def combined(failures: Sequence[TransportError]) -> TransportError:
    """Several routes' failures as one."""
    if len(failures) == 1:
        return failures[0]
    words = joined((failure.text.without_end() for failure in failures), Text("; ", "；"))
    unconnected = [failure for failure in failures if isinstance(failure, NotConnectedError)]
    # The proxy's own failure counts first, then the one that took the longest to show.
    by_proxy = (failure for failure in unconnected if failure.cause in PROXY_CAUSES)
    telling = next(by_proxy, None) or next((each for each in unconnected if each.timed_out), failures[-1])
    timed_out = isinstance(telling, NotConnectedError) and telling.timed_out
    return NotConnectedError(words, timed_out=timed_out, cause=telling.cause)
