"""The tests of `oca config init`: each answer is tried on the network, with the settings given so far."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from adapters.gateway.endpoints import CHAT, Endpoints
from adapters.transport.requests import RequestsTransport
from adapters.transport.tls import tls_context
from adapters.wire.openai_models import decode_models
from config.settings import Need, Settings, load_settings
from domain.advice import TOKEN_ADDRESS, UPSTREAM_ADDRESS, next_step
from domain.errors import CertificateError, NotConnectedError, TransportError, UpstreamProtocolError
from domain.http import HttpRequest, HttpResponse, Route, Timeouts
from domain.server_metadata import OPENID_CONFIGURATION, SERVER_METADATA
from domain.system_words import system_words
from domain.words import Text

_ANSWER = timedelta(seconds=15)
_MAX_BYTES = 8 * 1024 * 1024
# What the settings must be for, so that a request leaves as it will later.
_WAY = ("HTTP_PROXY_URL", "CONNECTION_TIMEOUT", "EXTRA_CA_CERTS", "SSL_CERT_FILE")
_OK, _NOT_FOUND, _REFUSED, _FAILING = 200, 404, (401, 403), 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a test found. `mend` is what to do when it is not `good`; `models` what there is to choose from."""

    good: bool
    words: Text
    mend: Text | None = None
    models: tuple[str, ...] = ()


class Checks:
    """The tests, over the proxy and with the certificates that `values` name. Raises ConfigurationError for those."""

    def __init__(self, values: Mapping[str, str]) -> None:
        way = {key: values[key] for key in _WAY if values.get(key)}
        # Read alone: a key that is still missing or wrong is no matter of these tests.
        self._settings: Settings = load_settings(
            Need.LOGIN, env_file=os.devnull, environ={}, overrides={**way, "LLM_API_KEY": "in place of a login"}
        )
        proxy = self._settings.http_proxy_url
        self._proxy = None if proxy is None else proxy.get_secret_value()
        tls = tls_context(self._settings.extra_ca_certs, self._settings.ssl_cert_file)
        self._transport = RequestsTransport(proxy_url=self._proxy, tls=tls)

    def proxy(self, address: str) -> Finding:
        """Whether something listens at the proxy's address."""
        parts = urlsplit(address if "://" in address else f"http://{address}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        place = f"{parts.hostname}:{port}"
        try:
            socket.create_connection(
                (parts.hostname or "", port), timeout=self._settings.connect_timeout.total_seconds()
            ).close()
        except OSError as error:
            why = system_words(error)
            return Finding(
                good=False,
                words=Text(f"The proxy {place} does not answer: {why.en}.", f"代理 {place} 没有响应：{why.zh}。"),
                mend=Text(
                    "Check host and port, or leave it empty: most networks need no proxy.",
                    "请检查主机和端口；多数网络不需要代理，可以留空。",
                ),
            )
        return Finding(good=True, words=Text(f"The proxy {place} answers.", f"代理 {place} 有响应。"))

    def authorization_server(self, host: str) -> Finding:
        """Name, TLS and discovery of an OAUTH_HOST."""
        status = 0
        for path in (OPENID_CONFIGURATION, SERVER_METADATA):
            answer = self._ask(f"https://{host.removeprefix('https://').rstrip('/')}{path}", TOKEN_ADDRESS)
            if isinstance(answer, Finding):
                return answer
            status = answer.status
            if status == _OK and answer.body.lstrip()[:1] == b"{":
                return Finding(
                    good=True,
                    words=Text(
                        f"{host} answers, and describes itself.", f"{host} 有响应，并提供了服务描述（discovery）。"
                    ),
                )
        return Finding(
            good=True,
            words=Text(
                f"{host} answers, but does not describe itself (status {status}): the preset's addresses are used.",
                f"{host} 有响应，但没有提供服务描述（状态码 {status}）：将使用预设中的地址。",
            ),
        )

    def token_endpoint(self, url: str) -> Finding:
        """Whether a server answers at an OAUTH_TOKEN_URL, whatever it says to a request without a login."""
        answer = self._ask(url, TOKEN_ADDRESS, method="POST", form=True)
        if isinstance(answer, Finding):
            return answer
        if answer.status == _NOT_FOUND or answer.status >= _FAILING:
            return _wrong_status(url, answer.status, "OAUTH_TOKEN_URL")
        return _answers(url, answer.status)

    def api(self, url: str) -> Finding:
        """Whether the chat operation is there: without a login it refuses, which is fine."""
        address = Endpoints(url).url(CHAT)
        answer = self._ask(address, UPSTREAM_ADDRESS, method="POST")
        if isinstance(answer, Finding):
            return answer
        if answer.status == _NOT_FOUND or answer.status >= _FAILING:
            return _wrong_status(address, answer.status, "LLM_API_URL")
        if answer.body.lstrip()[:1] == b"<":
            return Finding(
                good=False,
                words=Text(f"{address} answers with an HTML page.", f"{address} 返回的是 HTML 页面。"),
                mend=Text(
                    "A login page or a proxy answers instead of the API: check LLM_API_URL.",
                    "应答的是登录页面或代理，而不是 API：请检查 LLM_API_URL。",
                ),
            )
        return _answers(address, answer.status)

    def models(self, url: str, *, token: str | None = None) -> Finding:
        """The model list; `token` is shown to the server if there is one."""
        answer = self._ask(url, Text("LLM_MODELS_API_URL", "LLM_MODELS_API_URL"), token=token)
        if isinstance(answer, Finding):
            return answer
        if answer.status in _REFUSED:
            return Finding(
                good=True,
                words=Text(
                    f"{url} wants a login first (status {answer.status}): the list cannot be shown yet.",
                    f"{url} 要求先登录（状态码 {answer.status}），暂时无法显示模型列表。",
                ),
            )
        if answer.status != _OK:
            return _wrong_status(url, answer.status, "LLM_MODELS_API_URL")
        try:
            models = tuple(model.id for model in decode_models(answer.body))
        except UpstreamProtocolError as error:
            return Finding(good=False, words=error.text)
        return Finding(
            good=True, words=Text(f"{len(models)} models are on offer.", f"共有 {len(models)} 个模型。"), models=models
        )

    def _ask(
        self, url: str, address: Text, *, method: str = "GET", form: bool = False, token: str | None = None
    ) -> "HttpResponse | Finding":
        content = "application/x-www-form-urlencoded" if form else "application/json"
        request = HttpRequest(
            method=method,
            url=url,
            headers=(("Accept", "application/json"), ("Content-Type", content)) if method == "POST" else (),
            body=(b"" if form else b"{}") if method == "POST" else b"",
        )
        if token is not None:
            request = request.authorized(token)
        try:
            return self._sent(request)
        except TransportError as error:
            return Finding(
                good=False,
                words=Text(f"{error.text.en}.", f"{error.text.zh}。"),
                mend=next_step(error.cause, address=address),
            )

    def _sent(self, request: HttpRequest) -> HttpResponse:
        limits = Timeouts(connect=self._settings.connect_timeout, read=_ANSWER, total=_ANSWER)
        try:
            return self._transport.send(request, route=Route.DIRECT, timeouts=limits, max_bytes=_MAX_BYTES)
        except NotConnectedError as error:
            if self._proxy is None or isinstance(error, CertificateError):
                raise
        return self._transport.send(request, route=Route.PROXY, timeouts=limits, max_bytes=_MAX_BYTES)


def _answers(url: str, status: int) -> Finding:
    return Finding(good=True, words=Text(f"{url} answers (status {status}).", f"{url} 有响应（状态码 {status}）。"))


def _wrong_status(url: str, status: int, key: str) -> Finding:
    mend = (
        Text(f"There is nothing at that address: check {key}.", f"该地址不存在：请检查 {key}。")
        if status == _NOT_FOUND
        else Text(f"Try again later, or check {key}.", f"请稍后重试，或检查 {key}。")
    )
    return Finding(
        good=False,
        words=Text(f"{url} answers with status {status}.", f"{url} 返回状态码 {status}。"),
        mend=mend,
    )
