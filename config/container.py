"""The container: a table of constructors. Imported by entrypoints, tests and the library's face only."""

import random
import ssl
from collections.abc import Callable
from datetime import timedelta

from dependency_injector import containers, providers

from adapters.authorization.discovery_file import FileServerMemory
from adapters.clock.system import SystemClock
from adapters.gateway.asking import Asking
from adapters.gateway.asyncio import AsyncioDriver, AsyncioGateway
from adapters.gateway.asyncio_chat import AsyncioChat
from adapters.gateway.background_catalog import BackgroundCatalog
from adapters.gateway.blocking import BlockingDriver, BlockingGateway
from adapters.gateway.blocking_chat import BlockingChat
from adapters.gateway.endpoints import CHAT, Endpoints
from adapters.gateway.refresher import Refresher
from adapters.gateway.upstream_memory import UpstreamMemory
from adapters.token_journal.counting import CountingTokenJournal
from adapters.token_journal.history import FileTokenHistory
from adapters.token_journal.log import LogTokenJournal
from adapters.token_journal.several import SeveralTokenJournals
from adapters.transport.httptools.transport import HttptoolsTransport
from adapters.transport.later import LaterTransport
from adapters.transport.peers import ForwardProxy
from adapters.transport.per_loop import PerLoopTransport
from adapters.transport.tls import tls_context
from adapters.wire.openai_chat import OpenAIChatCodec
from config.settings import Settings
from config.stores import token_store
from domain.flows import ApiKey, Credential
from domain.http import Timeouts
from domain.known_server import LoginPlan
from domain.oauth2 import ClientAuthentication, OAuth2Client
from domain.refreshing import Login
from domain.tokens import RefreshPolicy
from domain.upstream_flows import Upstream
from ports.codec import ChatCodec
from ports.conversation_store import ConversationStore
from ports.transport import AsyncTransport, Transport

# Once a token request has been sent its answer is awaited this long: an abandoned rotation is a lost login.
TOKEN_ANSWER = timedelta(seconds=30)


def _credential(settings: Settings) -> Credential:
    if settings.llm_api_key is not None:
        return ApiKey(key=settings.llm_api_key.get_secret_value())
    return _login(settings)


def _login(settings: Settings) -> Login:
    return Login(
        client=_client(settings),
        policy=RefreshPolicy(jitter=random.random()),  # noqa: S311 - spreads refreshes, guards nothing
        timeouts=Timeouts(connect=settings.connect_timeout, read=TOKEN_ANSWER, total=TOKEN_ANSWER),
        mend=settings.mend,
        allow_unstorable=settings.oauth_allow_unstorable,
        server=None if settings.oauth_token_url else settings.authorization_server,
    )


def _login_plan(settings: Settings, login: Login) -> LoginPlan:
    # Read by those who log in, and by nobody else.
    from config.preset_files import login_plan  # noqa: PLC0415

    return login_plan(settings, login)


def _client(settings: Settings) -> OAuth2Client:
    secret = settings.oauth_client_secret
    return OAuth2Client(
        token_endpoint=settings.token_endpoint,
        client_id=settings.oauth_client_id or "",
        client_secret=None if secret is None else secret.get_secret_value(),
        authentication=ClientAuthentication.NONE
        if secret is None
        else ClientAuthentication(settings.oauth_client_auth),
        scope=settings.oauth_scope,
    )


def _endpoints(settings: Settings, base_url: str | None = None) -> Endpoints:
    if base_url is None or base_url == settings.llm_api_url:
        return Endpoints(settings.llm_api_url or "")
    return Endpoints.below(base_url)


def _upstream(settings: Settings, endpoints: Endpoints) -> Upstream:
    quick = settings.connect_timeout
    # A busy upstream may be slow to accept; still, nobody waits minutes for a host that is not there.
    connect = min(settings.request_timeout, max(quick, timedelta(seconds=10)))
    return Upstream(
        chat_url=endpoints.url(CHAT),
        models_url=settings.llm_models_api_url,
        quick=Timeouts(connect=quick, read=quick, total=quick),
        inference=Timeouts(connect=connect, read=settings.request_timeout),
    )


def _asking(settings: Settings, credential: Credential, codec: ChatCodec, base_url: str | None = None) -> Asking:
    endpoints = _endpoints(settings, base_url)
    return Asking(credential=credential, upstream=_upstream(settings, endpoints), endpoints=endpoints, codec=codec)


def _blocking_chat_at(driver: BlockingDriver, asking: Callable[..., Asking], base_url: str) -> BlockingChat:
    return BlockingChat(driver=driver, asking=asking(base_url=base_url))


def _asyncio_chat_at(driver: AsyncioDriver, asking: Callable[..., Asking], base_url: str) -> AsyncioChat:
    return AsyncioChat(driver=driver, asking=asking(base_url=base_url))


def _background_catalog(gateway: BlockingGateway, patience: timedelta) -> BackgroundCatalog:
    return BackgroundCatalog(gateway.list_models, patience=patience)


def _conversation_store(settings: Settings, clock: SystemClock) -> ConversationStore:
    # The server does without.
    from adapters.conversation_store.sqlite import SqliteConversationStore  # noqa: PLC0415

    return SqliteConversationStore(settings.conversations_file, clock)


def _httpx_transport(*, proxy_url: str | None, tls: ssl.SSLContext) -> AsyncTransport:
    # The server does without.
    from adapters.transport.httpx import HttpxTransport  # noqa: PLC0415

    return HttpxTransport(proxy_url=proxy_url, tls=tls)


def _requests_transport(*, proxy_url: str | None, tls: ssl.SSLContext) -> LaterTransport:
    if proxy_url is not None:
        # What is wrong with it is told at once, and not with the first refresh.
        ForwardProxy.parse(proxy_url)

    def make() -> Transport:
        from adapters.transport.requests import RequestsTransport  # noqa: PLC0415

        return RequestsTransport(proxy_url=proxy_url, tls=tls)

    return LaterTransport(make)


def _default_model(settings: Settings) -> str:
    return settings.llm_model_name or ""


def _proxy_url(settings: Settings) -> str | None:
    return None if settings.http_proxy_url is None else settings.http_proxy_url.get_secret_value()


def _proxied(settings: Settings) -> bool:
    return settings.http_proxy_url is not None


def _refresher(driver: BlockingDriver) -> Refresher:
    return driver.refresher


class Container(containers.DeclarativeContainer):
    """Every object there is one of in a process."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)

    clock = providers.Singleton(SystemClock)
    token_counts = providers.Singleton(CountingTokenJournal)
    journal = providers.Singleton(
        SeveralTokenJournals,
        token_counts,
        providers.Singleton(LogTokenJournal),
        providers.Singleton(FileTokenHistory, env_file=settings.provided.env_file, clock=clock),
    )
    tls = providers.Singleton(
        tls_context,
        extra_ca_certs=settings.provided.extra_ca_certs,
        cert_file=settings.provided.ssl_cert_file,
    )
    store = providers.Singleton(token_store, settings)
    memory = providers.Singleton(UpstreamMemory, proxied=providers.Callable(_proxied, settings))
    proxy_url = providers.Callable(_proxy_url, settings)
    requests_transport = providers.Singleton(_requests_transport, proxy_url=proxy_url, tls=tls)
    httpx_transport = providers.Singleton(
        PerLoopTransport, providers.Factory(_httpx_transport, proxy_url=proxy_url, tls=tls).provider
    )
    # The server's, for its one event loop. Programs that use us as a library keep httpx, which their tools know (VCR
    # records it).
    httptools_transport = providers.Singleton(HttptoolsTransport, proxy_url=proxy_url, tls=tls)

    credential = providers.Singleton(_credential, settings)
    endpoints = providers.Singleton(_endpoints, settings)
    upstream = providers.Singleton(_upstream, settings, endpoints)
    codec = providers.Singleton(OpenAIChatCodec)
    asking = providers.Factory(_asking, settings, credential, codec)

    servers = providers.Singleton(FileServerMemory, env_file=settings.provided.env_file)
    login_plan = providers.Singleton(_login_plan, settings, providers.Callable(_login, settings))
    blocking_driver = providers.Singleton(
        BlockingDriver,
        store=store,
        clock=clock,
        transport=requests_transport,
        memory=memory,
        journal=journal,
        servers=servers,
    )
    new_asyncio_driver = providers.Factory(
        AsyncioDriver,
        store=store,
        clock=clock,
        memory=memory,
        journal=journal,
        refresher=providers.Callable(_refresher, blocking_driver),
    )
    asyncio_driver = providers.Singleton(new_asyncio_driver, transport=httpx_transport)
    server_driver = providers.Singleton(new_asyncio_driver, transport=httptools_transport)
    blocking_chat = providers.Singleton(BlockingChat, driver=blocking_driver, asking=asking)
    asyncio_chat = providers.Singleton(AsyncioChat, driver=asyncio_driver, asking=asking)
    blocking_chat_at = providers.Factory(_blocking_chat_at, blocking_driver, asking.provider)
    asyncio_chat_at = providers.Factory(_asyncio_chat_at, asyncio_driver, asking.provider)

    default_model = providers.Callable(_default_model, settings)
    blocking_gateway = providers.Singleton(
        BlockingGateway,
        driver=blocking_driver,
        credential=credential,
        upstream=upstream,
        chat=blocking_chat,
        default_model=default_model,
    )
    conversation_store = providers.Singleton(_conversation_store, settings, clock)
    background_catalog = providers.Singleton(_background_catalog, blocking_gateway, settings.provided.connect_timeout)
    asyncio_gateway = providers.Singleton(
        AsyncioGateway,
        driver=server_driver,
        clock=clock,
        credential=credential,
        upstream=upstream,
        endpoints=endpoints,
        default_model=default_model,
    )


def build_container(settings: Settings) -> Container:
    """A container for these settings."""
    return Container(settings=providers.Object(settings))
