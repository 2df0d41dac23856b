"""What `oca doctor` does, in its order: every check that can still tell something is made.

A line is yielded when it is known. Probes and transports are put together here; what follows from what they find
stands in `domain.checkup` and its neighbours.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from adapters.checkup.login import access_token, token_endpoint
from adapters.checkup.model_server import ModelServer
from adapters.checkup.refusals import TOKEN_REJECTED
from adapters.checkup.sockets import Resolve, resolve
from adapters.token_store.env_file import prove_changeable
from adapters.token_store.env_text import EnvTextError
from adapters.token_store.files import Files
from config.container import Container, build_container
from config.environment import REFRESH_TOKEN_KEY, default_env_file
from config.renewals import renewal_endpoint
from domain.checkup import Blame, Check, CheckName, Findings, failed, passed, skipped, skipped_for
from domain.checkup_exchanges import told_once
from domain.errors import ConfigurationError, OCAError, TokenStoreError
from domain.flows import access_token_flow, login_status_flow
from domain.http import Route, Timeouts
from domain.refreshing import Login
from domain.tokens import TokenState
from domain.words import Text
from entrypoints.checkup_login import is_untried, told_dead, told_unrenewed
from entrypoints.checkup_network import Network, trusting
from entrypoints.checkup_settings import Reading
from entrypoints.checkup_veil import Veil

# No longer than this is an answer awaited, whatever LLM_REQUEST_TIMEOUT allows.
LONGEST_WAIT = timedelta(seconds=30)
LONGEST_TOKEN_ANSWER = timedelta(seconds=10)
# A command that reads or writes `.env` and does not say which.
_OUR_COMMAND = re.compile(r"\boca (?:config set [A-Z_]+=VALUE|config init|login|status)(?! --env-file|[\w-])")
_ASKS = (CheckName.TOKEN_ENDPOINT, CheckName.TOKEN, CheckName.MODELS, CheckName.CHAT, CheckName.STREAM)


class Checkup:
    """One check-up. `findings` grows while `run` is iterated; what is yielded is fit to be shown."""

    def __init__(
        self,
        reading: Reading,
        veil: Veil,
        *,
        offline: bool = False,
        files: Files | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        """`files` and `resolve` stand in for the machine's own."""
        self.findings = Findings()
        self._reading = reading
        self._settings = reading.settings
        self._veil = veil
        self._offline = offline
        self._files = files or Files()
        self._resolve = resolve
        self._container: Container = build_container(reading.settings)
        self._network: Network | None = None
        self._token: str | None = None
        # The check of the model list, if it has shown that our token is not accepted.
        self._rejected: Check | None = None

    def run(self) -> Iterator[Check]:
        for check in self._found():
            shown = self._veil.check(self._for_this_file(check))
            if shown.id not in self.findings:
                yield self.findings.add(shown)

    def _for_this_file(self, check: Check) -> Check:
        """The check, whose mend is a command for the `.env` that was looked at, also where that is another one."""
        path = self._settings.env_file
        if check.mend is None or path == default_env_file():
            return check
        mend = Text(*(_OUR_COMMAND.sub(rf"\g<0> --env-file {path}", each) for each in (check.mend.en, check.mend.zh)))
        return replace(check, mend=mend)

    def _found(self) -> Iterator[Check]:
        yield from self._reading.checks
        yield self._token_store()
        yield from self._certificates()
        if self._offline:
            for name in _ASKS:
                yield skipped(name, Text("not asked (--offline)", "未访问网络（--offline）"))
            return
        self._network = Network(self._reading, self._container, self.findings, self._resolve)
        yield from self._network.checks()
        yield from self._login()
        yield from self._model_server()

    def _token_store(self) -> Check:
        name, settings = CheckName.TOKEN_STORE, self._settings
        if settings.llm_api_key is not None:
            return skipped(name, Text("LLM_API_KEY is used in its place", "已使用 LLM_API_KEY，无需令牌存储"))
        if (obstacle := self.findings.obstacle("env_file", "settings:OAUTH_TOKEN_STORE")) is not None:
            return skipped_for(obstacle, name)
        mend = Text(
            "A renewed login must be stored, else it is lost: give this user the right to write the file and its "
            "folder.",
            "续期后的登录必须能够保存，否则会丢失：请授予当前用户写入该文件及其所在文件夹的权限。",
        )
        in_env_file = settings.oauth_token_store.get_secret_value() == "dotenv"
        try:
            if in_env_file:
                prove_changeable(self._files, settings.env_file.resolve())
            store = self._container.store()
            tokens = store.load()
            self._veil.hide([tokens.refresh_token, tokens.access_token])
            store.prove_storable()
        except (OSError, EnvTextError) as error:
            said = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
            finding = Text(f"{settings.env_file} cannot be written: {said}", f"无法写入 {settings.env_file}：{said}")
            return failed(name, finding, mend=mend, fault="not_writable", blame=Blame.CONFIGURATION)
        except (TokenStoreError, ConfigurationError) as error:
            if not in_env_file:
                mend = Text(
                    "Check OAUTH_TOKEN_STORE and OAUTH_STORE_KEY.", "请检查 OAUTH_TOKEN_STORE 和 OAUTH_STORE_KEY。"
                )
            return failed(name, error.text, mend=mend, fault="not_usable", blame=Blame.CONFIGURATION)
        return passed(name, Text(f"{settings.login_place}: can be written", f"{settings.login_place}：可写入"))

    def _certificates(self) -> Iterator[Check]:
        name = CheckName.CERTIFICATES
        if (obstacle := self.findings.obstacle("settings:EXTRA_CA_CERTS", "settings:SSL_CERT_FILE")) is not None:
            yield skipped_for(obstacle, name)
            return
        try:
            self._container.tls()
        except ConfigurationError as error:
            yield failed(
                name,
                Text(" ".join(each.en for each in error.problems), "".join(each.zh for each in error.problems)),
                mend=Text("Mend EXTRA_CA_CERTS (or SSL_CERT_FILE).", "请更正 EXTRA_CA_CERTS（或 SSL_CERT_FILE）。"),
                fault="bad_ca_file",
                blame=Blame.CONFIGURATION,
            )
            return
        yield passed(name, trusting(self._settings))

    def _login(self) -> Iterator[Check]:
        """The token endpoint, then the login; a key in their place needs neither."""
        if (obstacle := self.findings.obstacle("settings:LLM_API_KEY")) is not None:
            yield skipped_for(obstacle, CheckName.TOKEN_ENDPOINT)
            yield skipped_for(obstacle, CheckName.TOKEN)
            return
        credential = self._container.credential()
        if not isinstance(credential, Login):
            self._token = credential.key
            yield skipped(CheckName.TOKEN_ENDPOINT, Text("LLM_API_KEY is used", "已使用 LLM_API_KEY"))
            yield passed(CheckName.TOKEN, Text("LLM_API_KEY is used in place of a login", "使用 LLM_API_KEY 代替登录"))
            return
        settings = self._settings
        key = "OAUTH_TOKEN_URL" if settings.oauth_token_url else "OAUTH_HOST"
        endpoint = renewal_endpoint(settings)
        obstacle = self._obstacle(
            endpoint if settings.oauth_host or settings.oauth_token_url else None,
            "env_file",
            "certificates",
            "settings:OAUTH_HOST",
            "settings:OAUTH_TOKEN_URL",
            "settings:OAUTH_CLIENT_ID",
        )
        route = self._route(endpoint)
        if obstacle is not None or route is None:
            yield self._untold(CheckName.TOKEN_ENDPOINT, obstacle)
        else:
            limit = min(settings.request_timeout, LONGEST_TOKEN_ANSWER)
            yield token_endpoint(
                self._container.requests_transport(),
                replace(credential.client, token_endpoint=endpoint),
                route=route,
                timeouts=Timeouts(connect=settings.connect_timeout, read=limit, total=limit),
                key=Text.of(key),
            )
        yield self._held(credential)

    def _held(self, credential: Login) -> Check:
        if (obstacle := self.findings.obstacle("env_file", "certificates")) is not None:
            return skipped_for(obstacle, CheckName.TOKEN)
        run = self._container.blocking_driver().run
        hidden = self.findings.obstacle("token_store")
        try:
            status = run(login_status_flow(credential))
        except OCAError as error:
            if hidden is not None:
                return skipped_for(hidden, CheckName.TOKEN)
            mend = Text("See oca status.", "请查看 oca status。")
            return failed(CheckName.TOKEN, error.text, mend=mend, fault="token_store", blame=Blame.OTHER)
        if not status.has_refresh_token and REFRESH_TOKEN_KEY in self._reading.values:
            status = replace(status, has_refresh_token=True)
        obstacle = self.findings.obstacle("token_store", "token_endpoint")
        untried = obstacle is None and is_untried(self._container)
        bought_before = self._container.store().load().access_token if untried else None
        if untried:
            status = replace(status, state=TokenState.EXPIRED)
        check, self._token = access_token(
            status,
            lambda: run(access_token_flow(credential, rejected=bought_before)),
            obstacle=obstacle,
            mend=self._settings.mend,
        )
        self._hide_tokens()
        return told_dead(check, self._container, credential)

    def _model_server(self) -> Iterator[Check]:
        obstacle = self.findings.obstacle("env_file", "certificates")
        if obstacle is None and self._token is None:
            obstacle = self.findings.obstacle("token")
        if obstacle is not None:
            for name in _ASKS[2:]:
                yield skipped_for(obstacle, name)
            return
        container, settings = self._container, self._settings
        upstream, credential = container.upstream(), container.credential()
        run = container.blocking_driver().run
        read = min(settings.request_timeout, LONGEST_WAIT)
        server = ModelServer(
            transport=container.requests_transport(),
            codec=container.codec(),
            token=self._token or "",
            renew=(lambda held: self._renewed(run(access_token_flow(credential, rejected=held))))
            if isinstance(credential, Login)
            else None,
            chat_url=upstream.chat_url,
            models_url=upstream.models_url,
            model=settings.llm_model_name or "",
            quick=upstream.quick,
            inference=Timeouts(connect=upstream.quick.connect, read=read),
            allowed=settings.request_timeout,
        )
        chat_url = settings.llm_api_url
        obstacle = self._obstacle(upstream.models_url, "settings:LLM_MODELS_API_URL")
        route = None if upstream.models_url is None else self._route(upstream.models_url)
        if upstream.models_url is None and obstacle is None:
            yield server.models(Route.DIRECT)
        elif obstacle is not None or route is None:
            yield self._untold(CheckName.MODELS, obstacle)
        else:
            check = server.models(route)
            self._rejected = check if check.fault == TOKEN_REJECTED else None
            yield self._explained(check, server)
        obstacle = self._obstacle(chat_url, "settings:LLM_API_URL", "settings:LLM_MODEL_NAME")
        if self._rejected is not None:
            obstacle = self.findings.obstacle("models")
        route = None if chat_url is None else self._route(upstream.chat_url)
        if obstacle is not None or route is None:
            yield self._untold(CheckName.CHAT, obstacle)
            yield self._untold(CheckName.STREAM, obstacle)
            return
        yield told_once(self._explained(server.chat(route), server), self.findings.obstacle("models"))
        obstacle = self.findings.obstacle("chat")
        yield server.stream(route) if obstacle is None else skipped_for(obstacle, CheckName.STREAM)

    def _explained(self, check: Check, server: ModelServer) -> Check:
        """The check; where our token was not accepted, and could not be renewed, that is what it tells."""
        error, credential = server.not_renewed, self._container.credential()
        if check.fault != TOKEN_REJECTED or error is None or not isinstance(credential, Login):
            return check
        if (obstacle := self.findings.obstacle("token", "token_endpoint")) is not None:
            return skipped_for(obstacle, check.name)
        return told_unrenewed(check, error, self._container, credential)

    def _obstacle(self, url: str | None, *check_ids: str) -> Check | None:
        """What stands in the way of asking at an address: one of these checks, or those of the way to it."""
        found = self.findings.obstacle(*check_ids)
        if found is not None or url is None or self._network is None:
            return found
        return self._network.obstacle(url)

    def _route(self, url: str) -> Route | None:
        return None if self._network is None else self._network.route(url)

    def _untold(self, name: CheckName, obstacle: Check | None) -> Check:
        if obstacle is not None:
            return skipped_for(obstacle, name)
        return skipped(name, Text("there is no address for it", "没有可用的地址"))

    def _renewed(self, token: str) -> str:
        self._hide_tokens()
        self._veil.hide([token])
        return token

    def _hide_tokens(self) -> None:
        self._veil.hide([self._token])
        try:
            tokens = self._container.store().load()
        except OCAError:
            return
        self._veil.hide([tokens.refresh_token, tokens.access_token])
