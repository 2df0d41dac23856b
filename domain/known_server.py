"""Where an authorization server's endpoints are: found out before a login, and kept in mind with it."""

from dataclasses import dataclass, replace

from domain.effects import Flow, ReadClock, RecallServer
from domain.errors import NotConnectedError, TransportError
from domain.http import HttpResponse, Timeouts
from domain.login_failures import unreachable
from domain.oauth2 import OAuth2Client
from domain.refreshing import Login
from domain.routes import over_routes_flow
from domain.server_metadata import (
    MAX_METADATA_BYTES,
    AuthorizationServer,
    Endpoints,
    RememberedServer,
    metadata_request,
    read_metadata,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPlan:
    """What every way to log in needs. `scope` is asked for; `login` is what is kept alive afterwards."""

    login: Login
    server: AuthorizationServer
    scope: str
    prompt: str | None
    device_response_type: str | None
    discovery: Timeouts


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownServer:
    """The server as it was found: where its endpoints are, and who it says it is (None where it does not)."""

    memory: RememberedServer
    endpoints: Endpoints
    client: OAuth2Client
    issuer: str | None
    names_itself: bool


def find_server_flow(plan: LoginPlan) -> Flow[KnownServer]:
    """Where the server's endpoints are: what is remembered, else what its documents say, else the preset's paths.

    Raises TokenEndpointUnavailableError, ConfigurationError and LoginFailedError.
    """
    server = plan.server
    memory = yield from RecallServer(server.address)
    now = yield from ReadClock()
    if not memory.answers_for(server, now):
        memory = replace(memory, asked_at=now, source=server.discovery_urls[0], metadata=None)
        for url in server.discovery_urls:
            response = yield from _document_flow(plan, url)
            metadata = None if response is None else read_metadata(response, url=url, server=server)
            if metadata is not None:
                memory = replace(memory, source=url, metadata=metadata)
                break
    metadata = memory.metadata
    endpoints = server.endpoints(metadata)
    return KnownServer(
        memory=memory,
        endpoints=endpoints,
        client=replace(plan.login.client, token_endpoint=endpoints.token or plan.login.client.token_endpoint),
        issuer=server.issuer if metadata is None else metadata.issuer,
        names_itself=metadata is not None and metadata.names_itself,
    )


def _document_flow(plan: LoginPlan, url: str) -> Flow[HttpResponse | None]:
    """The answer to a question for a document; None where there is none."""
    try:
        return (
            yield from over_routes_flow(
                metadata_request(url), plan.discovery, max_bytes=MAX_METADATA_BYTES, repeatable=True
            )
        )
    except NotConnectedError as error:
        # What cannot be connected to issues no tokens either: better said now than after the person has logged in.
        raise unreachable(error, plan.login.timeouts) from error
    except TransportError:
        return None
