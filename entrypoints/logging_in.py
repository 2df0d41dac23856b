"""What `oca login` does: find the server, have a person say yes in one of four ways, store the pair, tell who it is."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from adapters.authorization.browser import open_browser, sees_a_browser
from adapters.authorization.loopback import LoopbackListener, free_port
from config.container import Container
from config.environment import this_environment
from config.preset_files import preset_of
from config.settings import Settings
from domain.authorization import AuthorizationAttempt, authorization_address, code_of, judge_callback, judge_pasted
from domain.errors import LoginFailedError
from domain.known_server import KnownServer, LoginPlan, find_server_flow
from domain.login_flows import (
    LoggedIn,
    await_device_flow,
    prove_refresh_token_flow,
    prove_storable_flow,
    redeem_code_flow,
    request_device_flow,
)
from domain.words import Text
from entrypoints.console import Console
from entrypoints.moments import span_told
from entrypoints.questions import NoAnswerError, read_line

# Of random bytes: 43 characters, as many as RFC 7636 section 4.1 asks for at least.
_RANDOM_BYTES = 32


class Way(Enum):
    """How a person says yes."""

    BROWSER = "browser"
    DEVICE = "device"
    PASTE = "paste"
    TOKEN = "token"  # noqa: S105 - the name of a way


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a login uses of this machine and of the person at it."""

    environ: Mapping[str, str]
    open_browser: Callable[[str], None] = open_browser
    read_line: Callable[[], str] = read_line


class LoggingIn:
    """One login. Every method raises OCAError."""

    def __init__(self, container: Container, console: Console, surroundings: Surroundings | None = None) -> None:
        self._console = console
        self._around = surroundings or Surroundings(environ=this_environment())
        self._settings: Settings = container.settings()
        self._preset = preset_of(self._settings)
        self._plan: LoginPlan = container.login_plan()
        self._driver = container.blocking_driver()

    def run(self, way: Way | None, *, opens_browser: bool = True, refresh_token: str = "") -> tuple[Way, LoggedIn]:
        """Log in, in this way, or in the one that fits this machine; what has come of it is stored."""
        self._driver.run(prove_storable_flow(self._plan))
        with self._console.working(Text("Asking the authorization server ...", "正在查询授权服务器……")):
            known = self._driver.run(find_server_flow(self._plan))
        chosen = way or self._fitting(known)
        match chosen:
            case Way.BROWSER:
                return chosen, self._by_browser(known, opens_browser=opens_browser)
            case Way.DEVICE:
                return chosen, self._by_device(known)
            case Way.PASTE:
                return chosen, self._by_pasting(known)
            case Way.TOKEN:
                with self._console.working(Text("Trying the refresh token ...", "正在验证刷新令牌……")):
                    return chosen, self._driver.run(prove_refresh_token_flow(self._plan, known, refresh_token))

    def _fitting(self, known: KnownServer) -> Way:
        if sees_a_browser(self._around.environ):
            return Way.BROWSER
        found = known.memory.metadata
        # A server whose document names no device endpoint has none, unless the settings or the preset know better.
        offered = found is None or found.endpoints.device or self._plan.server.configured.device
        return Way.DEVICE if offered or self._plan.device_response_type else Way.PASTE

    def _by_browser(self, known: KnownServer, *, opens_browser: bool) -> LoggedIn:
        redirect = self._preset.redirect
        with LoopbackListener(ports=redirect.ports, path=redirect.path, hosts=redirect.hosts) as listener:
            attempt = _attempt(listener.redirect_uri)
            listener.expect(
                lambda query: judge_callback(query, attempt, issuer=known.issuer, names_itself=known.names_itself)
            )
            address = self._address(known, attempt)
            self._console.say(
                Text(
                    "To log in, open this address in a browser on this machine:",
                    "如需登录，请在本机浏览器中打开以下地址：",
                )
            )
            self._console.say(f"\n{address}\n")
            if opens_browser:
                self._around.open_browser(address)
            limit = self._settings.login_timeout
            length = span_told(limit)
            self._console.say(
                Text(
                    f"Waiting for the answer, {length.en} at most; Ctrl-C ends it. No browser here? oca login --device "
                    "or oca login --paste",
                    f"正在等待浏览器的回应，最长 {length.zh}；按 Ctrl-C 可中止。本机没有浏览器？请使用 "
                    "oca login --device 或 oca login --paste",
                )
            )
            with self._console.working(Text("Waiting ...", "正在等待……")):
                answer = listener.await_answer(limit=limit)
            if answer is None:
                raise LoginFailedError(
                    Text(
                        f"No answer came from the browser within {length.en} (OAUTH_LOGIN_TIMEOUT). Nothing was "
                        "changed. Try again: oca login; where the browser is on another machine: oca login --device "
                        "or oca login --paste",
                        f"在 {length.zh}内（OAUTH_LOGIN_TIMEOUT）没有收到浏览器的回应。未作任何更改。"
                        "请重试：oca login；如果浏览器在另一台机器上：oca login --device 或 oca login --paste",
                    )
                )
            code = code_of(answer)
            with self._console.working(Text("Fetching the tokens ...", "正在获取令牌……")):
                return self._driver.run(redeem_code_flow(self._plan, known, attempt, code))

    def _by_pasting(self, known: KnownServer) -> LoggedIn:
        redirect = self._preset.redirect
        port = redirect.ports[0] or free_port()
        attempt = _attempt(f"http://{redirect.hosts[0]}:{port}{redirect.path}")
        self._console.say(
            Text(
                "To log in, open this address in a browser on any machine:",
                "如需登录，请在任意机器的浏览器中打开以下地址：",
            )
        )
        self._console.say(f"\n{self._address(known, attempt)}\n")
        self._console.say(
            Text(
                "At the end the browser shows an error, since nothing listens there: that is as it should be. Copy the "
                f"whole address from its address bar (it begins with {attempt.redirect_uri}) and paste it here:",
                "最后浏览器会显示无法连接，这是正常现象，因为那里没有程序在监听。请从地址栏复制完整地址"
                f"（以 {attempt.redirect_uri} 开头）并粘贴到此处：",
            )
        )
        code = self._pasted_code(known, attempt)
        with self._console.working(Text("Fetching the tokens ...", "正在获取令牌……")):
            return self._driver.run(redeem_code_flow(self._plan, known, attempt, code))

    def _pasted_code(self, known: KnownServer, attempt: AuthorizationAttempt) -> str:
        while True:
            try:
                pasted = self._around.read_line()
            except NoAnswerError as error:
                raise LoginFailedError(
                    Text("No address was pasted. Nothing was changed.", "没有粘贴地址。未作任何更改。")
                ) from error
            answer = judge_pasted(pasted, attempt, issuer=known.issuer, names_itself=known.names_itself)
            if answer is not None:
                return code_of(answer)
            if pasted.strip():
                self._console.say(
                    Text(
                        "That is not the answer to this login: it has no code, or belongs to an earlier one. Open the "
                        "address above once more, and paste the one that the browser ends at:",
                        "这不是本次登录的回应：其中没有代码，或属于较早的一次登录。请重新打开上面的地址，"
                        "并粘贴浏览器最后停留的地址：",
                    )
                )

    def _by_device(self, known: KnownServer) -> LoggedIn:
        with self._console.working(Text("Asking for a code ...", "正在请求代码……")):
            grant = self._driver.run(request_device_flow(self._plan, known))
        self._console.say(
            Text(
                f"To log in, open this address on any device, and enter the code {grant.user_code}",
                f"如需登录，请在任意设备上打开以下地址，并输入代码 {grant.user_code}",
            )
        )
        self._console.say(f"\n  {grant.verification_uri}\n")
        if grant.verification_uri_complete is not None:
            self._console.say(Text("Or this one, which has the code in it:", "或打开以下已包含代码的地址："))
            self._console.say(f"\n  {grant.verification_uri_complete}\n")
        until = f"{grant.expires_at.astimezone():%H:%M:%S}"
        self._console.say(
            Text(
                f"Waiting; the code is good until {until}. Ctrl-C ends it.",
                f"正在等待；代码有效期至 {until}。按 Ctrl-C 可中止。",
            )
        )
        with self._console.working(Text("Waiting ...", "正在等待……")):
            return self._driver.run(await_device_flow(self._plan, known, grant))

    def _address(self, known: KnownServer, attempt: AuthorizationAttempt) -> str:
        return authorization_address(
            known.endpoints.authorization or "",
            known.client,
            attempt,
            scope=self._plan.scope,
            prompt=self._plan.prompt,
        )


def _attempt(redirect_uri: str) -> AuthorizationAttempt:
    return AuthorizationAttempt(
        state=secrets.token_urlsafe(_RANDOM_BYTES),
        nonce=secrets.token_urlsafe(_RANDOM_BYTES),
        code_verifier=secrets.token_urlsafe(_RANDOM_BYTES),
        redirect_uri=redirect_uri,
    )
