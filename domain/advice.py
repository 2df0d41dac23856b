"""What to do about a failed exchange: one next step for each cause."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from domain.errors import Cause
from domain.words import Text

# Whose failure counts when the direct way and the proxy have both failed: who sets a proxy means it to be used.
PROXY_CAUSES = frozenset({Cause.PROXY_UNREACHABLE, Cause.PROXY_AUTHENTICATION, Cause.PROXY_REFUSED})

# The keys of .env that hold the address of the server that was asked.
UPSTREAM_ADDRESS = Text("LLM_API_URL", "LLM_API_URL")
TOKEN_ADDRESS = Text("OAUTH_HOST (or OAUTH_TOKEN_URL)", "OAUTH_HOST 或 OAUTH_TOKEN_URL")

_STEPS: Mapping[Cause, Text] = MappingProxyType(
    {
        Cause.DNS: Text(
            "Check the host's name in {address}; if it is right, check this machine's DNS, or switch the VPN on. "
            "Where only a proxy knows the name, set HTTP_PROXY_URL.",
            "请检查 {address} 中的主机名；如果无误，请检查本机的 DNS 设置，或连接 VPN。"
            "如果只有代理服务器能解析该主机名，请设置 HTTP_PROXY_URL。",
        ),
        Cause.REFUSED: Text(
            "Nothing listens there: check host and port in {address}, or start the server.",
            "该地址没有程序在监听：请检查 {address} 中的主机和端口，或启动该服务器。",
        ),
        Cause.TIMED_OUT: Text(
            "Check {address} and the network (VPN, firewall); a slow network needs a longer CONNECTION_TIMEOUT{now}.",
            "请检查 {address} 和网络（VPN、防火墙）；如果网络较慢，请调大 CONNECTION_TIMEOUT{now}。",
        ),
        Cause.UNREACHABLE: Text(
            "There is no way to that host: check this machine's network and VPN, then {address}.",
            "没有到达该主机的路由：请检查本机的网络和 VPN，然后检查 {address}。",
        ),
        Cause.PROXY_UNREACHABLE: Text(
            "The proxy itself does not answer: check host and port in HTTP_PROXY_URL, or remove it.",
            "代理服务器本身没有响应：请检查 HTTP_PROXY_URL 中的主机和端口，或删除该项。",
        ),
        Cause.PROXY_AUTHENTICATION: Text(
            "The proxy wants a login, or another one: put user and password into HTTP_PROXY_URL, as in "
            "http://user:password@proxy.example.com:3128.",
            "代理服务器要求登录，或用户名、密码有误：请把用户名和密码写入 HTTP_PROXY_URL，例如 "
            "http://user:password@proxy.example.com:3128。",
        ),
        Cause.PROXY_REFUSED: Text(
            "The proxy does not let this host through: check HTTP_PROXY_URL and {address}, or ask who runs the proxy.",
            "代理服务器不允许访问该主机：请检查 HTTP_PROXY_URL 和 {address}，或询问代理服务器的管理员。",
        ),
        Cause.UNKNOWN_CA: Text(
            "If your company's network issues certificates of its own, put the company's CA file (PEM) into "
            "EXTRA_CA_CERTS.",
            "如果公司网络自行签发证书，请把公司的 CA 证书文件（PEM）写入 EXTRA_CA_CERTS。",
        ),
        Cause.CERTIFICATE_EXPIRED: Text(
            "Check this machine's clock first; if it is right, whoever runs that server must renew the certificate.",
            "请先检查本机的时钟；如果时钟正确，则须由该服务器的管理员更新证书。",
        ),
        Cause.CERTIFICATE_NOT_YET_VALID: Text(
            "This machine's clock is probably wrong: set it, best by switching on time synchronization.",
            "本机的时钟很可能不准：请校准时钟，最好启用时间同步。",
        ),
        Cause.CERTIFICATE_OTHER_HOST: Text(
            "The certificate belongs to another host: check the host's name in {address}.",
            "该证书属于另一台主机：请检查 {address} 中的主机名。",
        ),
        Cause.TLS: Text(
            "That port does not speak TLS as it should: check https:// and the port in {address}.",
            "该端口的 TLS 通信不正常：请检查 {address} 中的 https:// 和端口。",
        ),
    }
)
_USUAL = Text(
    "Check {address}, the network and HTTP_PROXY_URL.",
    "请检查 {address}、网络和 HTTP_PROXY_URL。",
)


def next_step(cause: Cause, *, address: Text, connect_limit: timedelta | None = None) -> Text:
    """One sentence. `address` names the keys of the address that was asked, `connect_limit` is the setting's value."""
    step = _STEPS.get(cause, _USUAL)
    seconds = "" if connect_limit is None else f"{connect_limit.total_seconds():g}"
    now = Text(f" (now {seconds} s)", f"（当前为 {seconds} 秒）") if seconds else Text("", "")
    return Text(step.en.format(address=address.en, now=now.en), step.zh.format(address=address.zh, now=now.zh))
