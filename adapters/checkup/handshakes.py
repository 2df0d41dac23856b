"""TLS handshakes, looked at more closely than a client does, and the time that a server has."""

import socket
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from urllib3.util.ssltransport import SSLTransport

from adapters.checkup.sockets import ProbeError, ProxyAddress, Reach, ask
from domain.checkup_tls import Certificate, Handshake
from domain.checkup_ways import Target
from domain.errors import Cause
from domain.words import Text
from ports.clock import Clock

# The numbers of openssl/x509_vfy.h.
_CAUSES = {
    9: Cause.CERTIFICATE_NOT_YET_VALID,
    10: Cause.CERTIFICATE_EXPIRED,
    62: Cause.CERTIFICATE_OTHER_HOST,
    64: Cause.CERTIFICATE_OTHER_HOST,
}
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom the program trusts: `context` is its own; `sources` the same by parts, each under its setting's name.

    The system's part has the name "" and comes first.
    """

    context: ssl.SSLContext
    sources: Sequence[tuple[str, ssl.SSLContext]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Looks at servers. No secret is sent to any: one that is not trusted is only asked who it is and what time."""

    reach: Reach
    trust: Trust
    clock: Clock

    def look(self, target: Target, proxy: ProxyAddress | None) -> Handshake:
        """A handshake as the program does it, and the server's time; where it fails, what the server shows of itself.

        A plain http server is only asked for the time, and by a proxy not even that.
        """
        try:
            if target.secure:
                return self._trusting(target, proxy)
            if proxy is None:
                with self.reach.connected(target, None) as sock:
                    return self._timed(Handshake(), sock, target)
        except ProbeError as error:
            return Handshake(cause=error.probe.cause if target.secure else None, words=error.probe.words)
        return Handshake()

    def _trusting(self, target: Target, proxy: ProxyAddress | None) -> Handshake:
        try:
            with self._wrapped(target, proxy, self.trust.context) as sock:
                seen = Handshake(protocol=(sock.version() or "").replace("TLSv", "TLS "), certificate=_shown(sock))
                timed = self._timed(seen, sock, target)
            return replace(timed, trusted_by=self._source(target, proxy))
        except ssl.SSLCertVerificationError as error:
            return self._stranger(target, proxy, error)
        except TimeoutError:
            words = Text("the TLS handshake was not finished in time", "TLS 握手未能按时完成")
            return Handshake(cause=Cause.TIMED_OUT, words=words)
        except OSError as error:
            return Handshake(cause=Cause.TLS, words=_tls_words(error))

    def _source(self, target: Target, proxy: ProxyAddress | None) -> str:
        """Which part of those whom we trust has signed; found out by trying."""
        for name, context in self.trust.sources:
            try:
                with self._wrapped(target, proxy, context):
                    return name
            except (OSError, ProbeError):
                continue
        return ""

    def _stranger(self, target: Target, proxy: ProxyAddress | None, error: ssl.SSLCertVerificationError) -> Handshake:
        words = Text(f"the certificate was refused: {error.verify_message}", f"证书被拒绝：{error.verify_message}")
        seen = Handshake(cause=_CAUSES.get(error.verify_code, Cause.UNKNOWN_CA), words=words)
        try:
            with self._wrapped(target, proxy, _trusting_anybody()) as sock:
                certificate = sock.getpeercert(binary_form=True) or b""
                seen = self._timed(seen, sock, target)
            # Python reads a certificate only once it is verified, so this very one is trusted for a moment.
            with self._wrapped(target, proxy, _trusting_only(certificate)) as sock:
                return replace(seen, certificate=_shown(sock))
        except (OSError, ProbeError, ValueError):
            return seen

    @contextmanager
    def _wrapped(
        self, target: Target, proxy: ProxyAddress | None, context: ssl.SSLContext
    ) -> Generator[ssl.SSLSocket, None, None]:
        with self.reach.connected(target, proxy) as sock:
            if isinstance(sock, ssl.SSLSocket):
                # TLS within that of the proxy, which the ssl module does not do on a socket.
                wrapped = cast("ssl.SSLSocket", SSLTransport(sock, context, server_hostname=target.host))
            else:
                wrapped = context.wrap_socket(sock, server_hostname=target.host)
            with wrapped:
                yield wrapped

    def _timed(self, seen: Handshake, sock: socket.socket, target: Target) -> Handshake:
        """With the server's time, if it tells it to one who asks for nothing."""
        try:
            _, _, fields = ask(sock, "HEAD / HTTP/1.1", target.authority)
            told = parsedate_to_datetime(fields["date"])
        except (ProbeError, KeyError, ValueError):
            return seen
        return replace(seen, now=self.clock.now(), server_time=told if told.tzinfo else told.replace(tzinfo=UTC))


def _trusting_anybody() -> ssl.SSLContext:
    """For a look at a certificate that has been refused already."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _trusting_only(certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def _shown(sock: ssl.SSLSocket) -> Certificate | None:
    shown: Any = sock.getpeercert()
    if not shown:
        return None
    issuer = {key: value for part in shown.get("issuer", ()) for key, value in part}
    common, company = issuer.get("commonName"), issuer.get("organizationName")
    names = [value for _, value in shown.get("subjectAltName", ())]
    return Certificate(
        issuer=", ".join(dict.fromkeys(_plain(each) for each in (common, company) if each)) or "?",
        names=tuple(_plain(name) for name in names[:20]),
        not_before=_moment(shown["notBefore"]),
        not_after=_moment(shown["notAfter"]),
    )


def _moment(words: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(words), UTC)


def _tls_words(error: OSError) -> Text:
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return Text("the server closed the connection during the TLS handshake", "服务器在 TLS 握手期间关闭了连接")
    reason = (getattr(error, "reason", None) or error.strerror or "").replace("_", " ").lower()
    if "wrong version number" in reason or "record layer" in reason:
        return Text("that port does not speak TLS (plain http?)", "该端口不使用 TLS（是否为明文 http？）")
    return Text(f"TLS failed: {reason}", f"TLS 失败：{reason}")


def _plain(words: str) -> str:
    return "".join(char if char.isprintable() else " " for char in words)[:100].strip()
