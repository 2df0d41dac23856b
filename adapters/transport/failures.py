"""What the libraries raise, in the words of domain.errors.

A message names the host, the way and the cause. It is made of fixed words, of what the operating system and TLS say,
and of a proxy's status line, never of a foreign exception's text, which may quote a URL, a header or a body.
"""

import os
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

from adapters.transport.peers import Peer
from domain.errors import (
    CertificateError,
    ConnectionLostError,
    NotConnectedError,
    ResponseTimeoutError,
    ResponseTooLargeError,
)

PROXY_AUTHENTICATION_REQUIRED = 407


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


def not_connected(peer: Peer, error: BaseException, *, tls_host: str | None, otherwise: str) -> NotConnectedError:
    """The error for an exchange whose request never left.

    `tls_host` is the host of the TLS handshake under way, `otherwise` the reason when no cause tells one.
    """
    what = f"could not connect to {peer}"
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CertificateError(
                f"{what}: the certificate of {tls_host or peer.authority} was refused: {_refusal(cause)}. If your "
                "company's network issues certificates of its own, put the company's CA file (PEM) into EXTRA_CA_CERTS."
            )
    if any(isinstance(cause, TimeoutError) for cause in causes(error)):
        return NotConnectedError(f"{what}: timed out", timed_out=True)
    return NotConnectedError(f"{what}: {_reason(error) or otherwise}")


def refused_by_proxy(peer: Peer, status_line: str) -> NotConnectedError:
    """The error for a proxy that did not let the request through; `status_line` is for example `403 Forbidden`."""
    return NotConnectedError(f"could not connect to {peer}: the proxy refused: {_plain(status_line)}")


def silent(peer: Peer, *, limit: timedelta) -> ResponseTimeoutError:
    return ResponseTimeoutError(
        f"{peer.authority} was sent the request {peer.way}, and then nothing came for {_s(limit)}"
    )


def overdue(peer: Peer, *, limit: timedelta) -> ResponseTimeoutError:
    return ResponseTimeoutError(
        f"{peer.authority} was sent the request {peer.way}, and its answer was not complete within {_s(limit)}"
    )


def stalled(peer: Peer, *, limit: timedelta) -> ResponseTimeoutError:
    """The error for an answer that has begun and does not get on; `limit` is the reader's own."""
    return ResponseTimeoutError(
        f"{peer.authority} was sent the request {peer.way} and began its answer, then sent nothing new for {_s(limit)}"
    )


def lost(peer: Peer, error: BaseException, *, otherwise: str) -> ConnectionLostError:
    """The error for a connection that broke once the request may have been sent."""
    return ConnectionLostError(f"the connection to {peer} broke: {_reason(error) or otherwise}")


def too_large(peer: Peer, *, max_bytes: int) -> ResponseTooLargeError:
    return ResponseTooLargeError(f"the answer of {peer.authority} is larger than {max_bytes} bytes")


def _refusal(error: ssl.SSLCertVerificationError) -> str:
    words = error.verify_message or error.reason or "it cannot be verified"
    return _plain(words).rstrip(".")


def _reason(error: BaseException) -> str | None:
    """The operating system's or TLS's own words for the first cause that has some."""
    for cause in causes(error):
        match cause:
            case socket.gaierror():
                return (cause.strerror or "the name could not be resolved").lower()
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return "the server closed the connection during the TLS handshake"
            case ssl.SSLError():
                return f"TLS failed: {(cause.reason or 'no reason given').replace('_', ' ').lower()}"
            case OSError() if cause.errno is not None:
                return os.strerror(cause.errno).lower()
            case UnicodeError():
                return "the host's name is not a valid one"
            case _:
                continue
    return None


def _plain(words: str) -> str:
    """Words from outside, cut to one printable line."""
    return "".join(char if char.isprintable() else " " for char in words)[:200].strip()


def _s(limit: timedelta) -> str:
    return f"{limit.total_seconds():g} s"
