"""The part of a check-up that looks at the ways to the servers: names, connections, the proxy, TLS, the clock."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from adapters.checkup.handshakes import Examiner, Trust
from adapters.checkup.sockets import ProxyAddress, Reach, Resolve
from adapters.transport.peers import DEFAULT_PORTS, ForwardProxy
from adapters.transport.tls import tls_context
from config.container import Container
from config.renewals import renewal_endpoint
from config.settings import Settings
from domain.checkup import Check, CheckName, CheckState, Findings, skipped_beside, skipped_for
from domain.checkup_tls import Handshake, is_same_fault, judge_clock, judge_tls
from domain.checkup_ways import Attempts, Probe, Target, judge_proxy, judge_ways, way_to
from domain.errors import Cause
from domain.http import Route
from domain.words import Text
from entrypoints.checkup_settings import Reading


def trusting(settings: Settings) -> Text:
    """Whom the program trusts, in words."""
    named = [*("EXTRA_CA_CERTS" for _ in settings.extra_ca_certs[:1])]
    if settings.ssl_cert_file is not None:
        named.append("SSL_CERT_FILE")
    more = Text("".join(f", {key}" for key in named), "".join(f"、{key}" for key in named))
    return Text("the system's", "系统自带") + more


class Network:
    """Finds the ways. `checks` is to be iterated first; `route` and `obstacle` tell what came of it."""

    def __init__(self, reading: Reading, container: Container, findings: Findings, resolve: Resolve) -> None:
        self._settings = reading.settings
        self._findings = findings
        self._targets = _targets(reading.settings)
        self._proxy_address = _proxy_address(reading.settings)
        # A proxy that is set wrong is one that does not work.
        self._proxy: Check | None = findings.obstacle("settings:HTTP_PROXY_URL")
        self._trust = _trust(reading.settings, container, findings)
        self._reach = Reach(
            limit_s=reading.settings.connection_timeout,
            tls=None if self._trust is None else self._trust.context,
            resolve=resolve,
        )
        self._clock = container.clock()
        self._routes: dict[str, Route | None] = {}

    def route(self, url: str) -> Route | None:
        """The open way to an address that was looked at."""
        return self._routes.get(_authority(url))

    def obstacle(self, url: str) -> Check | None:
        """The failed check that keeps us from the server of an address."""
        target = self._targets.get(_authority(url))
        if target is None:
            return None
        if self._routes.get(target.authority) is None:
            proxy = () if self._proxy is None else (self._proxy.id,)
            return self._findings.obstacle(*way_to(target), *proxy)
        return self._findings.obstacle(f"{CheckName.TLS.value}:{target.authority}")

    def checks(self) -> Iterator[Check]:
        yield from self._ways()
        yield from self._looks()

    def _ways(self) -> Iterator[Check]:
        known: dict[str, Probe] = {}
        tried: dict[str, Attempts] = {}
        for authority, target in self._targets.items():
            names = known.get(target.host) or self._reach.look_up(target.host, target.port)
            known[target.host] = names
            direct = self._reach.dial(target.host, target.port) if names.well else None
            tried[authority] = Attempts(names=names, direct=direct)
        if self._proxy_address is not None:
            probe, proxied = self._by_proxy(self._proxy_address)
            needed = not all(each.goes_directly for each in tried.values())
            self._proxy = judge_proxy(self._proxy_address.authority, probe, needed=needed)
            yield self._proxy
            tried = {
                authority: Attempts(names=each.names, direct=each.direct, proxied=proxied.get(authority))
                for authority, each in tried.items()
            }
        for authority, attempts in tried.items():
            self._routes[authority] = attempts.route
            yield from judge_ways(self._targets[authority], attempts, proxy=self._proxy)

    def _by_proxy(self, proxy: ProxyAddress) -> tuple[Probe, dict[str, Probe]]:
        """What the proxy itself is like, and, if it is well, whether it lets us through to each server."""
        probe = self._reach.dial_proxy(proxy)
        if not probe.well:
            return probe, {}
        found: dict[str, Probe] = {}
        for authority, target in self._targets.items():
            found[authority] = self._reach.by_proxy(target, proxy)
            if found[authority].cause is Cause.PROXY_AUTHENTICATION:
                # It would say the same of every other.
                return found[authority], {}
        return probe, found

    def _looks(self) -> Iterator[Check]:
        seen: dict[str, Handshake] = {}
        for authority, target in self._targets.items():
            route = self._routes[authority]
            if route is None or (self._trust is None and target.secure):
                continue
            trust = self._trust or Trust(context=tls_context([]))
            examiner = Examiner(reach=self._reach, trust=trust, clock=self._clock)
            seen[authority] = examiner.look(target, self._proxy_address if route is Route.PROXY else None)
        clock = judge_clock([(name, each.skew) for name, each in seen.items() if each.skew is not None])
        yield clock
        late = clock if clock.state is CheckState.FAILED else None
        ill: list[tuple[Handshake, Check]] = []
        for authority, target in self._targets.items():
            if authority in seen:
                look = seen[authority]
                check = judge_tls(target, look, clock=late)
                if check.state is CheckState.FAILED:
                    known = next((each for before, each in ill if is_same_fault(before, look)), None)
                    ill.append((look, check))
                    check = check if known is None else skipped_beside(known, CheckName.TLS, subject=authority)
                yield check
            elif target.secure:
                obstacle = self._findings.obstacle("certificates") or self.obstacle(_url(target))
                if obstacle is not None:
                    yield skipped_for(obstacle, CheckName.TLS, subject=authority)


def _targets(settings: Settings) -> dict[str, Target]:
    """The servers by `host:port`; those of several addresses once, under all their keys."""
    found: dict[str, Target] = {}
    wanted: list[tuple[str, str]] = []
    if settings.llm_api_key is None and settings.oauth_token_url:
        wanted.append(("OAUTH_TOKEN_URL", settings.oauth_token_url))
    elif settings.llm_api_key is None and settings.oauth_host:
        wanted.append(("OAUTH_HOST", renewal_endpoint(settings)))
    if settings.llm_api_url:
        wanted.append(("LLM_API_URL", settings.llm_api_url))
    if settings.llm_models_api_url:
        wanted.append(("LLM_MODELS_API_URL", settings.llm_models_api_url))
    for key, url in wanted:
        authority = _authority(url)
        before = found.get(authority)
        keys = Text.of(key) if before is None else before.keys + Text(f", {key}", f"、{key}")
        parts = urlsplit(url)
        found[authority] = Target(
            host=parts.hostname or "",
            port=parts.port or DEFAULT_PORTS[parts.scheme],
            secure=parts.scheme == "https",
            keys=keys,
        )
    return found


def _authority(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 0)}"


def _url(target: Target) -> str:
    return f"{'https' if target.secure else 'http'}://{target.authority}"


def _proxy_address(settings: Settings) -> ProxyAddress | None:
    if settings.http_proxy_url is None:
        return None
    proxy = ForwardProxy.parse(settings.http_proxy_url.get_secret_value())
    parts = urlsplit(proxy.url)
    return ProxyAddress(
        host=parts.hostname or "",
        port=parts.port or DEFAULT_PORTS[parts.scheme],
        secure=parts.scheme == "https",
        authorization=proxy.authorization,
    )


def _trust(settings: Settings, container: Container, findings: Findings) -> Trust | None:
    """Whom the program trusts, as a whole and by parts; None where that cannot be told."""
    if findings.obstacle("certificates") is not None:
        return None
    parts = [("", tls_context([]))]
    if settings.extra_ca_certs:
        parts.append(("EXTRA_CA_CERTS", tls_context(settings.extra_ca_certs)))
    if settings.ssl_cert_file is not None:
        parts.append(("SSL_CERT_FILE", tls_context([], settings.ssl_cert_file)))
    return Trust(context=container.tls(), sources=tuple(parts) if len(parts) > 1 else ())
