"""What the libraries raise, in the words of domain.errors.

A message names the host, the way and the cause. It is made of fixed words, of what the operating system and TLS say,
and of a proxy's status line, never of a foreign exception's text, which may quote a URL, a header or a body.
"""

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

from adapters.transport.peers import Peer
from domain.errors import (
    Cause,
    CertificateError,
    ConnectionLostError,
    NotConnectedError,
    ResponseTimeoutError,
    ResponseTooLargeError,
)
from domain.system_words import system_words
from domain.words import Text

PROXY_AUTHENTICATION_REQUIRED = 407

# X509_V_ERR_* (https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/).
_VERIFY_CAUSES = {
    9: Cause.CERTIFICATE_NOT_YET_VALID,
    10: Cause.CERTIFICATE_EXPIRED,
    18: Cause.UNKNOWN_CA,
    19: Cause.UNKNOWN_CA,
    20: Cause.UNKNOWN_CA,
    21: Cause.UNKNOWN_CA,
    27: Cause.UNKNOWN_CA,
    62: Cause.CERTIFICATE_OTHER_HOST,
    64: Cause.CERTIFICATE_OTHER_HOST,
}
_VERIFY_WORDS = {
    Cause.CERTIFICATE_NOT_YET_VALID: "证书尚未生效",
    Cause.CERTIFICATE_EXPIRED: "证书已过期",
    Cause.UNKNOWN_CA: "签发该证书的机构不受信任",
    Cause.CERTIFICATE_OTHER_HOST: "证书与主机名不符",
}
# The words that take the place of a reason where no cause tells one; the transports choose them.
_IN_CHINESE = {
    "the connection was closed while it was being set up": "连接在建立过程中被关闭",
    "its address is not usable": "其地址无法使用",
    "it was closed here before its end": "连接在结束之前被本程序关闭",
    "it was closed before its end": "连接在结束之前被关闭",
    "the server closed it without an answer": "服务器未作回答就关闭了连接",
    "the answer ended before it was complete": "回答尚未完整就结束了",
    "the answer's content coding is broken": "回答的内容编码已损坏",
    "the answer is not valid HTTP": "回答不是有效的 HTTP",
}
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL})


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, outermost first.

    `__context__` is left out: when a request is repeated over another route it holds the failure of the first one.
    """
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if any(current is known for known in seen):
            continue
        seen.append(current)
        yield current
        waiting.extend(arg for arg in current.args if isinstance(arg, BaseException))
        if current.__cause__ is not None:
            waiting.append(current.__cause__)
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(cast("BaseExceptionGroup[BaseException]", current).exceptions)


def not_connected(
    peer: Peer,
    error: BaseException,
    *,
    tls_host: str | None,
    otherwise: str,
    at_proxy: bool = False,
    limit: timedelta | None = None,
) -> NotConnectedError:
    """The error for an exchange whose request never left.

    `tls_host` is the host of the TLS handshake under way, `otherwise` the reason when no cause tells one. `at_proxy`
    tells that the proxy itself was not reached, `limit` how long connecting was allowed to take.
    """
    what = _not_connected_to(peer)
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(what, cause, tls_host or peer.authority)
    if any(isinstance(cause, TimeoutError) for cause in causes(error)):
        after = Text("", "") if limit is None else Text(f" after {_s(limit)}", f"（{_s(limit, zh=True)}）")
        told = what + Text(f": timed out{after.en}", f"：连接超时{after.zh}")
        return NotConnectedError(told, timed_out=True, cause=Cause.PROXY_UNREACHABLE if at_proxy else Cause.TIMED_OUT)
    reason = _reason(error)
    words = reason or _told(otherwise)
    told = what + Text(f": {words.en}", f"：{words.zh}")
    return NotConnectedError(told, cause=Cause.PROXY_UNREACHABLE if at_proxy else _cause(error))


def refused_by_proxy(peer: Peer, status_line: str) -> NotConnectedError:
    """The error for a proxy that did not let the request through; `status_line` is for example `403 Forbidden`."""
    said = _plain(status_line)
    wants_login = said.startswith(str(PROXY_AUTHENTICATION_REQUIRED))
    return NotConnectedError(
        _not_connected_to(peer) + Text(f": the proxy refused: {said}", f"：代理服务器拒绝了请求：{said}"),
        cause=Cause.PROXY_AUTHENTICATION if wants_login else Cause.PROXY_REFUSED,
    )


def silent(peer: Peer, *, limit: timedelta) -> ResponseTimeoutError:
    return ResponseTimeoutError(
        Text(
            f"{peer.authority} was sent the request {peer.way}, and then nothing came for {_s(limit)}",
            f"请求已{peer.told_way.zh}发往 {peer.authority}，此后 {_s(limit, zh=True)}内没有任何响应",
        )
    )


def overdue(peer: Peer, *, limit: timedelta) -> ResponseTimeoutError:
    return ResponseTimeoutError(
        Text(
            f"{peer.authority} was sent the request {peer.way}, and its answer was not complete within {_s(limit)}",
            f"请求已{peer.told_way.zh}发往 {peer.authority}，其回答未能在 {_s(limit, zh=True)}内完成",
        )
    )


def stalled(peer: Peer, *, limit: timedelta) -> ResponseTimeoutError:
    """The error for an answer that has begun and does not get on; `limit` is the reader's own."""
    return ResponseTimeoutError(
        Text(
            f"{peer.authority} was sent the request {peer.way} and began its answer, then sent nothing new for "
            f"{_s(limit)}",
            f"请求已{peer.told_way.zh}发往 {peer.authority}，对方开始了回答，此后 {_s(limit, zh=True)}内没有新的内容",
        )
    )


def lost(peer: Peer, error: BaseException, *, otherwise: str) -> ConnectionLostError:
    """The error for a connection that broke once the request may have been sent."""
    words = _reason(error) or _told(otherwise)
    return ConnectionLostError(
        Text(
            f"the connection to {peer} broke: {words.en}",
            f"与 {peer.authority} {peer.told_way.zh}建立的连接中断：{words.zh}",
        )
    )


def too_large(peer: Peer, *, max_bytes: int) -> ResponseTooLargeError:
    return ResponseTooLargeError(
        Text(
            f"the answer of {peer.authority} is larger than {max_bytes} bytes",
            f"{peer.authority} 的回答超过 {max_bytes} 字节",
        )
    )


def _not_connected_to(peer: Peer) -> Text:
    return Text(f"could not connect to {peer}", f"无法{peer.told_way.zh}连接 {peer.authority}")


def _untrusted(what: Text, error: ssl.SSLCertVerificationError, host: str) -> CertificateError:
    words = _plain(error.verify_message or error.reason or "it cannot be verified").rstrip(".")
    cause = _VERIFY_CAUSES.get(error.verify_code, Cause.TLS)
    en, zh = words, _VERIFY_WORDS.get(cause, words)
    if cause in (Cause.CERTIFICATE_EXPIRED, Cause.CERTIFICATE_NOT_YET_VALID):
        # Told to a person, who sees at once whether it is the clock.
        clock = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"  # noqa: TID251 - decides nothing
        en, zh = f"{en} (this machine's clock says {clock})", f"{zh}（本机时钟为 {clock}）"
    return CertificateError(
        what + Text(f": the certificate of {host} was refused: {en}", f"：{host} 的证书未通过验证：{zh}"),
        cause=cause,
    )


def _cause(error: BaseException) -> Cause:
    for cause in causes(error):
        match cause:
            case socket.gaierror() | UnicodeError():
                return Cause.DNS
            case ssl.SSLError():
                return Cause.TLS
            case ConnectionRefusedError():
                return Cause.REFUSED
            case OSError() if cause.errno in _NO_WAY:
                return Cause.UNREACHABLE
            case _:
                continue
    return Cause.OTHER


def _reason(error: BaseException) -> Text | None:
    """The operating system's or TLS's own words for the first cause that has some."""
    for cause in causes(error):
        match cause:
            case socket.gaierror():
                return Text((cause.strerror or "the name could not be resolved").lower(), "无法解析主机名（DNS）")
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return Text(
                    "the server closed the connection during the TLS handshake", "服务器在 TLS 握手期间关闭了连接"
                )
            case ssl.SSLError():
                why = (cause.reason or "no reason given").replace("_", " ").lower()
                return Text(f"TLS failed: {why}", f"TLS 失败：{why}")
            case OSError() if cause.errno is not None:
                words = system_words(OSError(cause.errno, os.strerror(cause.errno)))
                return Text(words.en.lower(), words.zh)
            case UnicodeError():
                return Text("the host's name is not a valid one", "主机名无效")
            case _:
                continue
    return None


def _told(words: str) -> Text:
    return Text(words, _IN_CHINESE.get(words, words))


def _plain(words: str) -> str:
    """Words from outside, cut to one printable line."""
    return "".join(char if char.isprintable() else " " for char in words)[:200].strip()


def _s(limit: timedelta, *, zh: bool = False) -> str:
    return f"{limit.total_seconds():g} {'秒' if zh else 's'}"
