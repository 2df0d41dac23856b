"""Failures as they happen to people, provoked for real on loopback; each with what has to be told of it."""

import datetime as dt
import errno
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import trustme

import config.stores
from adapters.clock.system import SystemClock
from adapters.token_store.dotenv import DotenvTokenStore
from domain.conversation import TroubleKind
from tests.adapters.token_store.faulty_files import FaultyFiles, failing
from tests.adapters.transport.conftest import free_port, serving
from tests.adapters.transport.test_not_connected import unresponsive_port
from tests.entrypoints.stack import sandbox, write_env
from tests.fakes.proxy_server import ProxyServer
from tests.fakes.upstream_server import (
    UpstreamServer,
    answering,
    error_body,
    replying,
    silence,
    streaming,
    word,
)
from tests.fakes.wire_server import Behaviour, WireConnection, WireRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a failure is provoked."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def write(self, text: str) -> Path:
        path = self.folder / ".env"
        path.write_text(text, encoding="utf-8")
        return path


Provoked = AbstractContextManager[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`provoke` yields the `.env` with which a question fails; `en` and `zh` are patterns of cause and next step."""

    name: str
    provoke: Callable[[Place], Provoked]
    exit_code: int
    status: int
    code: str | None
    en: str
    zh: str
    kind: TroubleKind
    model: str = "m"
    begins: str = ""


def keyed(url: str, **more: object) -> str:
    """A `.env` with a key in place of a login."""
    settings = {"LLM_API_KEY": "sk-unchanging-key-0123456789", "LLM_API_URL": url, "LLM_MODEL_NAME": "m", **more}
    return "".join(f"{name}='{value}'\n" for name, value in settings.items())


def closed_address() -> str:
    return f"http://127.0.0.1:{free_port()}/v1"


def upstream_that(behaviour: Behaviour, **more: object) -> Callable[[Place], Provoked]:
    @contextmanager
    def provoke(place: Place) -> Generator[Path, None, None]:
        with UpstreamServer(behaviour) as upstream:
            yield place.write(keyed(upstream.api_url, **more))

    return provoke


def upstream_with(make: Callable[[trustme.CA], trustme.LeafCert], *, trusted: bool) -> Callable[[Place], Provoked]:
    """An upstream over TLS with this certificate; `trusted` tells whether its authority is."""

    @contextmanager
    def provoke(place: Place) -> Generator[Path, None, None]:
        ca = trustme.CA()
        ca_file = place.folder / "ca.pem"
        ca.cert_pem.write_to_path(str(ca_file))
        context: ssl.SSLContext = serving(make(ca))
        more = {"EXTRA_CA_CERTS": ca_file} if trusted else {}
        with UpstreamServer(answering, tls=context) as upstream:
            yield place.write(keyed(upstream.api_url, **more))

    return provoke


@contextmanager
def dead_login(place: Place) -> Generator[Path, None, None]:
    with sandbox(SystemClock()) as running:
        path = write_env(place.folder, running)
        running.controls.revoke_login()
        yield path


@contextmanager
def unwritable(place: Place) -> Generator[Path, None, None]:
    """A store whose file system says that it is read-only: rights alone would not stop root."""
    read_only = partial(
        DotenvTokenStore, files=FaultyFiles(failing(errno.EROFS, "create", "open", "write", "allocate"))
    )
    place.monkeypatch.setattr(config.stores, "DotenvTokenStore", read_only)
    with sandbox(SystemClock()) as running:
        yield write_env(place.folder, running)


@contextmanager
def unknown_host(place: Place) -> Generator[Path, None, None]:
    resolve = socket.getaddrinfo

    def look_up(host: str | bytes | None, *args: object, **kwargs: object) -> object:
        if host in ("models.example.com", b"models.example.com"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *args, **kwargs)  # type: ignore[arg-type]

    place.monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield place.write(keyed("https://models.example.com/v1"))


@contextmanager
def proxy_down(place: Place) -> Generator[Path, None, None]:
    yield place.write(keyed(closed_address(), HTTP_PROXY_URL=f"http://127.0.0.1:{free_port()}"))


@contextmanager
def proxy_wants_login(place: Place) -> Generator[Path, None, None]:
    with ProxyServer(credentials="somebody:s3cret") as proxy:
        yield place.write(keyed(closed_address(), HTTP_PROXY_URL=f"http://{proxy.authority}"))


@contextmanager
def no_connection_in_time(place: Place) -> Generator[Path, None, None]:
    with unresponsive_port() as port:
        text = keyed(f"http://127.0.0.1:{port}/v1", CONNECTION_TIMEOUT="0.2", LLM_REQUEST_TIMEOUT="0.3")
        yield place.write(text)


def unknown_model(connection: WireConnection, request: WireRequest) -> None:
    if request.method == "POST":
        connection.reply(error_body("The model does not exist.", code="model_not_found"), status=404)
    else:
        names = ("qwen-plus", "qwen-turbo", "llama")
        listed = ", ".join(f'{{"id": "{name}"}}' for name in names)
        connection.reply(f'{{"data": [{listed}]}}'.encode(), headers=(("Content-Type", "application/json"),))


@contextmanager
def model_misspelt(place: Place) -> Generator[Path, None, None]:
    with UpstreamServer(unknown_model) as upstream:
        yield place.write(upstream.env_text(LLM_MODELS_API_URL=f"{upstream.api_url}/models"))


def moment(year: int) -> dt.datetime:
    return dt.datetime(year, 1, 1, tzinfo=dt.UTC)


PORTAL = b"<!doctype html><html><head><title>Sign in to Wi-Fi</title></head><body>Hello</body></html>"
HTML = (("Content-Type", "text/html"),)

SCENES = (
    Scene(
        name="dead login",
        provoke=dead_login,
        exit_code=4,
        status=503,
        code="login_required",
        en=r"refused the refresh token \(.*Log in again with: oca login --env-file .*OAUTH_REFRESH_TOKEN",
        zh=r"授权服务器拒绝了刷新令牌（.*请用此命令重新登录：oca login --env-file .*OAUTH_REFRESH_TOKEN",
        kind=TroubleKind.LOGIN_REQUIRED,
    ),
    Scene(
        name=".env not writable",
        provoke=unwritable,
        exit_code=1,
        status=503,
        code="token_store_failed",
        en=r"The tokens could not be .*/\.env.*Read-only file system\. Give this process the permission to write",
        zh=r"无法把令牌写入 .*/\.env：文件系统为只读。请赋予本进程写入该文件及其文件夹的权限",
        kind=TroubleKind.LOGIN_STORE,
    ),
    Scene(
        name="DNS",
        provoke=unknown_host,
        exit_code=5,
        status=502,
        code="upstream_unreachable",
        en=r"name or service not known\. Check the host's name in LLM_API_URL; .* DNS",
        zh=r"无法直接连接 models\.example\.com:443：无法解析主机名（DNS）。请检查 LLM_API_URL 中的主机名",
        kind=TroubleKind.HOST_UNKNOWN,
    ),
    Scene(
        name="proxy down",
        provoke=proxy_down,
        exit_code=5,
        status=502,
        code="upstream_unreachable",
        en=r"through the proxy 127.*connection refused\. The proxy itself does not answer: .*HTTP_PROXY_URL",
        zh=r"无法通过代理服务器 127.*连接被拒绝。代理服务器本身没有响应：.*HTTP_PROXY_URL",
        kind=TroubleKind.PROXY_DOWN,
    ),
    Scene(
        name="proxy 407",
        provoke=proxy_wants_login,
        exit_code=5,
        status=502,
        code="upstream_unreachable",
        en=r"the proxy refused: 407 .*put user and password into HTTP_PROXY_URL",
        zh=r"代理服务器拒绝了请求：407.*请把用户名和密码写入 HTTP_PROXY_URL",
        kind=TroubleKind.PROXY_LOGIN,
    ),
    Scene(
        name="unknown CA",
        provoke=upstream_with(lambda ca: ca.issue_cert("127.0.0.1"), trusted=False),
        exit_code=5,
        status=502,
        code="upstream_unreachable",
        en=r"the certificate of 127.* was refused: .*issuer.*EXTRA_CA_CERTS",
        zh=r"127.* 的证书未通过验证：签发该证书的机构不受信任。.*EXTRA_CA_CERTS",
        kind=TroubleKind.CERTIFICATE_UNTRUSTED,
    ),
    Scene(
        name="expired certificate",
        provoke=upstream_with(lambda ca: ca.issue_cert("127.0.0.1", not_after=moment(2020)), trusted=True),
        exit_code=5,
        status=502,
        code="upstream_unreachable",
        en=r"certificate has expired \(this machine's clock says \d{4}-.* UTC\)\. Check this machine's clock first",
        zh=r"证书已过期（本机时钟为 \d{4}-.* UTC）。请先检查本机的时钟",
        kind=TroubleKind.CERTIFICATE_EXPIRED,
    ),
    Scene(
        name="clock skew",
        provoke=upstream_with(
            lambda ca: ca.issue_cert("127.0.0.1", not_before=moment(2090), not_after=moment(2099)), trusted=True
        ),
        exit_code=5,
        status=502,
        code="upstream_unreachable",
        en=r"not yet valid \(this machine's clock says .*\)\. This machine's clock is probably wrong: set it",
        zh=r"证书尚未生效（本机时钟为 .*）。本机的时钟很可能不准：请校准时钟",
        kind=TroubleKind.CLOCK_WRONG,
    ),
    Scene(
        name="404 on the API address",
        provoke=upstream_that(replying(b'{"detail": "Not Found"}', status=404)),
        exit_code=6,
        status=404,
        code=None,
        en=r"(?=.*Not Found)(?=.*There is nothing at this address of the upstream: check LLM_API_URL)",
        zh=r"(?=.*Not Found)(?=.*上游的该地址上没有任何内容：请检查 LLM_API_URL)",
        kind=TroubleKind.NOT_FOUND,
    ),
    Scene(
        name="unknown model",
        provoke=model_misspelt,
        exit_code=6,
        status=404,
        code="model_not_found",
        en=r"(?=.*The model does not exist)(?=.*Did you mean qwen-plus)",
        zh=r"(?=.*The model does not exist)(?=.*您要的是不是 qwen-plus)",
        kind=TroubleKind.MODEL_UNKNOWN,
        model="qwen-pluss",
    ),
    Scene(
        name="HTML where JSON was due",
        provoke=upstream_that(replying(PORTAL, headers=HTML)),
        exit_code=6,
        status=502,
        code="upstream_protocol_error",
        en=r'an HTML page \("Sign in to Wi-Fi"\) where JSON was due\. Check LLM_API_URL',
        zh=r"一个 HTML 页面（“Sign in to Wi-Fi”），而非应有的 JSON。请检查 LLM_API_URL",
        kind=TroubleKind.NOT_UNDERSTOOD,
    ),
    Scene(
        name="no connection in time",
        provoke=no_connection_in_time,
        exit_code=5,
        status=504,
        code="upstream_timeout",
        en=r"timed out after 0\.\d s\. .*CONNECTION_TIMEOUT \(now 0\.2 s\)",
        zh=r"连接超时（0\.\d 秒）。.*CONNECTION_TIMEOUT（当前为 0\.2 秒）",
        kind=TroubleKind.NO_CONNECTION_IN_TIME,
    ),
    Scene(
        name="no answer in time",
        provoke=upstream_that(silence, LLM_REQUEST_TIMEOUT="0.3", CONNECTION_TIMEOUT="0.2"),
        exit_code=5,
        status=504,
        code="upstream_timeout",
        en=r"nothing came for 0\.3 s\. LLM_REQUEST_TIMEOUT sets the limit",
        zh=r"0\.3 秒内没有任何响应。等待时间由 LLM_REQUEST_TIMEOUT 限定",
        kind=TroubleKind.TIMEOUT,
    ),
    Scene(
        name="stream cut half-way",
        provoke=upstream_that(streaming(word("Hel"))),
        exit_code=6,
        status=200,
        code="stream_interrupted",
        en=r"before the answer was complete, after \d+ (bytes|chunks).* incomplete; send the request again",
        zh=r"在回答完整之前结束了流（已收到 \d+ (字节|个数据块)）.*并不完整，请重新发送请求",
        kind=TroubleKind.INTERRUPTED,
        begins="Hel",
    ),
)
