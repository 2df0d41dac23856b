"""Every error raised on purpose, as one tree ordered by blame.

OCAError
├── ConfigurationError            the operator: settings are missing or malformed
│   └── NotLoggedInError          nothing else is missing than the login
├── ListenError                   the operator: the address cannot be listened on
├── ConversationStoreError        the operator: the conversations cannot be read or written
├── ClientConfigError             the operator: a client's own configuration cannot be edited as it is
├── CallerError                   the program that called us
│   ├── InvalidRequestError
│   │   └── ModelNotFoundError
│   ├── BodyTooLargeError
│   ├── UnsupportedMediaTypeError
│   ├── InvalidApiKeyError
│   └── ForbiddenOriginError
├── TokenError                    our own login
│   ├── LoginRequiredError
│   ├── TokenEndpointError
│   ├── TokenEndpointUnavailableError
│   ├── LoginFailedError
│   └── TokenStoreError
├── UpstreamError                 the model's server
│   ├── UpstreamStatusError
│   ├── UpstreamUnreachableError
│   ├── UpstreamTimeoutError
│   ├── UpstreamProtocolError
│   ├── UpstreamRejectedTokenError
│   └── StreamInterruptedError
└── TransportError                an exchange that failed; a flow decides whose blame it is
    ├── NotConnectedError
    │   └── CertificateError
    ├── ResponseTimeoutError
    ├── ConnectionLostError
    └── ResponseTooLargeError

A message says what failed, why, and what to do next, in every language. It never contains a secret. Data goes into
attributes.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import Enum

from domain.http import Headers
from domain.model_names import mend_of_unknown_model
from domain.words import Language, Text, joined


class Cause(Enum):
    """Why an exchange failed, as far as it can be told apart. A value is stable: programs may read it.

    TIMED_OUT: no connection in time; SILENT: the request was sent, and no answer came in time.
    """

    DNS = "dns"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    SILENT = "silent"
    UNREACHABLE = "unreachable"
    PROXY_UNREACHABLE = "proxy_unreachable"
    PROXY_AUTHENTICATION = "proxy_authentication"
    PROXY_REFUSED = "proxy_refused"
    UNKNOWN_CA = "unknown_ca"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_OTHER_HOST = "certificate_other_host"
    TLS = "tls"
    OTHER = "other"


class OCAError(Exception):
    """Root of everything that this project raises on purpose. `str` of it is English; `text` has all languages."""

    def __init__(self, message: str | Text) -> None:
        self.text = Text.of(message)
        super().__init__(self.text.en)

    def told_in(self, language: Language) -> str:
        return self.text.told_in(language)


class ConfigurationError(OCAError):
    """Settings are missing or malformed; `problems` holds one complete line for each of them."""

    def __init__(self, *problems: str | Text) -> None:
        super().__init__(joined(problems))
        self.problems = tuple(Text.of(problem) for problem in problems)


class NotLoggedInError(ConfigurationError):
    """All that is missing is the login itself."""


class ListenError(OCAError):
    """The server's address is taken, or is not one of this machine."""


class ConversationStoreError(OCAError):
    """The chat page's conversations cannot be read or written; what was saved before is untouched."""


class ClientConfigError(OCAError):
    """A client's own configuration cannot be read, edited or put back; it was left as it is."""


class CallerError(OCAError):
    """The caller can mend it. `param` names the offending field as the caller wrote it, `code` is machine-readable."""

    def __init__(self, message: str | Text, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class InvalidRequestError(CallerError):
    """The request cannot be understood."""


class ModelNotFoundError(InvalidRequestError):
    """No such model in the upstream's list; `known` are the names in it, of which the nearest ones are told."""

    def __init__(self, model: str, *, known: Sequence[str] = ()) -> None:
        missing = Text(f"The model '{model}' does not exist here. ", f"此处没有模型“{model}”。")
        super().__init__(
            missing + mend_of_unknown_model(model, known),
            param="model",
            code="model_not_found",
        )
        self.model = model


class BodyTooLargeError(CallerError):
    """The request's body is over the limit."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            Text(
                f"The request body is larger than the limit of {limit_bytes} bytes. Send less, "
                "or raise OCA_MAX_BODY_BYTES on the gateway.",
                f"请求体超过了 {limit_bytes} 字节的上限。请减少内容，或在网关上调大 OCA_MAX_BODY_BYTES。",
            ),
            code="request_too_large",
        )
        self.limit_bytes = limit_bytes


class UnsupportedMediaTypeError(CallerError):
    """The body is not of a type that the route takes."""


class InvalidApiKeyError(CallerError):
    """The gateway demands an inbound key, and the caller's is missing or wrong."""


class ForbiddenOriginError(CallerError):
    """A web page of another site reached for this server (cross-site request, DNS rebinding)."""


class TokenError(OCAError):
    """Our login does not work right now. `retry_after` is set when waiting may help."""

    def __init__(self, message: str | Text, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LoginRequiredError(TokenError):
    """There is no refresh token, or the authorization server refused it for good (RFC 6749 section 5.2)."""


class TokenEndpointError(TokenError):
    """The authorization server refused the client itself: a matter of configuration, never of repetition.

    `error` is the code of RFC 6749 section 5.2, for example `invalid_client`.
    """

    def __init__(self, message: str | Text, *, error: str) -> None:
        super().__init__(message)
        self.error = error


class TokenEndpointUnavailableError(TokenError):
    """The token endpoint cannot be reached, is failing, or answers what cannot be understood.

    `may_pass` tells that the same request may well succeed in a moment; `cause` why there was no exchange.
    """

    def __init__(
        self,
        message: str | Text,
        *,
        retry_after: timedelta | None = None,
        may_pass: bool = False,
        cause: Cause = Cause.OTHER,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.may_pass = may_pass
        self.cause = cause


class LoginFailedError(TokenError):
    """A login or a logout that a person began did not come about. What was stored before is untouched."""


class TokenStoreError(TokenError):
    """The token store cannot be read, written or locked."""


class UpstreamError(OCAError):
    """The model's server failed us."""


class UpstreamStatusError(UpstreamError):
    """The upstream answered with an error status; everything it said is kept for the caller.

    `hint` is what we have to add to its words: what to do next, where we know better than it does.
    """

    def __init__(self, *, status: int, headers: Headers, body: bytes, hint: Text | None = None) -> None:
        told = Text(f"The upstream answered with status {status}.", f"上游返回了状态码 {status}。")
        super().__init__(told if hint is None else joined([told, hint], Text(" ", "")))
        self.status = status
        self.headers = headers
        self.body = body
        self.hint = hint


class UpstreamUnreachableError(UpstreamError):
    """No connection to the upstream could be made, or it broke before an answer came."""

    def __init__(self, message: str | Text, *, cause: Cause = Cause.OTHER) -> None:
        super().__init__(message)
        self.cause = cause


class UpstreamTimeoutError(UpstreamError):
    """No connection within CONNECTION_TIMEOUT, or silence for longer than LLM_REQUEST_TIMEOUT; `cause` tells which."""

    def __init__(self, message: str | Text, *, cause: Cause = Cause.SILENT) -> None:
        super().__init__(message)
        self.cause = cause


class UpstreamProtocolError(UpstreamError):
    """The upstream answered what the protocol does not allow: HTML where JSON was due, a redirect, nonsense."""


class UpstreamRejectedTokenError(UpstreamError):
    """The upstream refused a token that the authorization server had issued a moment ago.

    `status`, `headers` and `body` are its answer, where there was one.
    """

    def __init__(
        self, message: str | Text, *, status: int | None = None, headers: Headers = (), body: bytes = b""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = body


class StreamInterruptedError(UpstreamError):
    """A stream ended before it was complete."""


class TransportError(OCAError):
    """An HTTP exchange failed. The message names the host and the cause, never a header or a body."""

    def __init__(self, message: str | Text, *, cause: Cause = Cause.OTHER) -> None:
        super().__init__(message)
        self.cause = cause


class NotConnectedError(TransportError):
    """The request provably never left: DNS, connection refused, connect timeout, proxy down, TLS handshake."""

    def __init__(self, message: str | Text, *, timed_out: bool = False, cause: Cause = Cause.OTHER) -> None:
        super().__init__(message, cause=Cause.TIMED_OUT if timed_out and cause is Cause.OTHER else cause)
        self.timed_out = timed_out


class CertificateError(NotConnectedError):
    """The server's certificate is not trusted. No other route is tried: it is a finding, not an outage."""


class ResponseTimeoutError(TransportError):
    """The request was sent and no (further) byte came in time. It may have been processed."""

    def __init__(self, message: str | Text) -> None:
        super().__init__(message, cause=Cause.SILENT)


class ConnectionLostError(TransportError):
    """The connection broke after the request was sent. It may have been processed."""


class ResponseTooLargeError(TransportError):
    """The answer is larger than what its kind can be; reading stopped at the limit."""
