"""The model's server: its list, an answer of one token, and how its words arrive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic

from adapters.checkup.refusals import UNAUTHORIZED, refusal_of_question, refusal_of_us, said
from adapters.checkup.streams import watch
from adapters.wire.openai_models import decode_models
from domain.chat import ChatRequest, ChatResponse, Message, TextPart
from domain.checkup import Check, CheckName, passed, skipped
from domain.checkup_exchanges import Asked, failed_exchange, not_json, request_id_of, unexpected
from domain.errors import OCAError, StreamInterruptedError, TransportError, UpstreamProtocolError, UpstreamStatusError
from domain.http import HttpRequest, HttpResponse, Route, Timeouts
from domain.words import Text
from ports.codec import ChatCodec
from ports.transport import ResponseStream, Transport

MAX_LIST_BYTES = 16 * 1024 * 1024
MAX_ANSWER_BYTES = 1024 * 1024
STREAMED_TOKENS = 200
_OK = 200
_REFUSED_REQUEST = frozenset({400, 422})
# How else a limit may have to be worded, and of how many tokens: reasoning models know no `max_tokens`, and some fail
# where they cannot finish.
_OTHER_LIMITS = (("max_completion_tokens", 1), ("max_completion_tokens", 64), ("max_tokens", 64))
_SHORT_ANSWER_CHARS = 16
_QUESTION = "Count from 1 to 60 in English words, separated by commas. Write nothing else."


@dataclass(slots=True, kw_only=True)
class ModelServer:
    """Asks with an access token, each request as the program does it; `renew` makes another of a refused one.

    What one check learns serves the next: the names in the list, how a limit is to be worded, how long one token takes.
    `allowed` is what LLM_REQUEST_TIMEOUT allows. `not_renewed` is why a refused token could not be renewed.
    """

    transport: Transport
    codec: ChatCodec
    token: str = field(repr=False)
    renew: Callable[[str], str] | None
    chat_url: str
    models_url: str | None
    model: str
    quick: Timeouts
    inference: Timeouts
    allowed: timedelta
    known: Sequence[str] = ()
    not_renewed: OCAError | None = None
    _limit: str = "max_tokens"
    _one_word_s: float | None = None

    def models(self, route: Route) -> Check:
        """The model list."""
        if self.models_url is None:
            return skipped(CheckName.MODELS, Text("LLM_MODELS_API_URL is not set", "未设置 LLM_MODELS_API_URL"))
        asked = Asked(
            name=CheckName.MODELS,
            key=Text.of("LLM_MODELS_API_URL"),
            connect=self.quick.connect,
            limit=self.quick.total or self.quick.read,
            limit_key="CONNECTION_TIMEOUT",
        )
        request = HttpRequest(method="GET", url=self.models_url, headers=(("Accept", "application/json"),))
        try:
            response = self._send(request, route, self.quick, max_bytes=MAX_LIST_BYTES)
        except TransportError as error:
            return failed_exchange(asked, error)
        return self._list_in(asked, response)

    def chat(self, route: Route) -> Check:
        """An answer of one token, from the model of LLM_MODEL_NAME."""
        asked = self._asked(CheckName.CHAT)
        whole = replace(self.inference, total=self.inference.read)
        begun = monotonic()
        try:
            response = self._send(self._question(1, stream=False), route, whole, max_bytes=MAX_ANSWER_BYTES)
            for limit, tokens in _OTHER_LIMITS:
                if response.status not in _REFUSED_REQUEST or b"max_" not in response.body:
                    break
                self._limit = limit
                begun = monotonic()
                question = self._question(tokens, stream=False)
                response = self._send(question, route, whole, max_bytes=MAX_ANSWER_BYTES)
        except TransportError as error:
            return failed_exchange(asked, error)
        took = monotonic() - begun
        if response.status != _OK:
            return self._refusal(asked, response)
        return self._answer_in(asked, response, took)

    def stream(self, route: Route) -> Check:
        """A streamed answer: whether it comes whole, and whether it comes as it is made."""
        asked = self._asked(CheckName.STREAM)
        request = self._question(STREAMED_TOKENS, stream=True).authorized(self.token)
        begun = monotonic()
        try:
            stream = self.transport.open_stream(request, route=route, timeouts=self.inference)
        except TransportError as error:
            return failed_exchange(asked, error)
        try:
            if stream.status != _OK:
                body = _beginning(stream)
                return self._refusal(asked, HttpResponse(status=stream.status, headers=stream.headers, body=body))
            decoder = self.codec.stream_decoder()
            return watch(asked, stream, decoder, begun=begun, one_word_s=self._one_word_s, route=route)
        finally:
            stream.close()

    def _list_in(self, asked: Asked, response: HttpResponse) -> Check:
        if (refused := refusal_of_us(asked, response)) is not None:
            return refused
        if response.status != _OK:
            return unexpected(asked, response, said=said(response))
        try:
            models = decode_models(response.body)
        except UpstreamProtocolError as error:
            return not_json(asked, error.text, response.body, status=response.status)
        if not models:
            return not_json(asked, Text("the list is empty", "列表为空"), response.body, status=response.status)
        self.known = tuple(each.id for each in models)
        listed = self.model in self.known
        finding = Text(f"{len(models)} models", f"{len(models)} 个模型")
        if self.model and not listed:
            finding += Text(f"; {self.model} is not among them", f"；其中没有 {self.model}")
        return passed(CheckName.MODELS, finding, details={"models": len(models), "default_is_listed": listed})

    def _answer_in(self, asked: Asked, response: HttpResponse, took: float) -> Check:
        try:
            answer = self.codec.decode_response(response.body)
        except UpstreamStatusError as error:
            told = HttpResponse(status=error.status, headers=response.headers, body=error.body)
            return unexpected(asked, told, said=said(told))
        except (UpstreamProtocolError, StreamInterruptedError) as error:
            return not_json(asked, error.text, response.body, status=response.status)
        if _is_short(answer):
            self._one_word_s = took
        return passed(
            CheckName.CHAT,
            Text(f"{self.model} answered in {took:.2f} s", f"{self.model} 在 {took:.2f} 秒内作答"),
            details={"took_s": round(took, 3), "limited_by": self._limit, **request_id_of(response.headers)},
        )

    def _send(self, request: HttpRequest, route: Route, timeouts: Timeouts, *, max_bytes: int) -> HttpResponse:
        """The answer; a token that is refused is renewed once, as for every request of the program."""
        response = self.transport.send(
            request.authorized(self.token), route=route, timeouts=timeouts, max_bytes=max_bytes
        )
        if response.status == UNAUTHORIZED and self.renew is not None:
            renew, self.renew = self.renew, None
            try:
                self.token = renew(self.token)
            except OCAError as error:
                # There is no other token; that this one is refused, and why it stays so, is what there is to tell.
                self.not_renewed = error
                return response
            response = self.transport.send(
                request.authorized(self.token), route=route, timeouts=timeouts, max_bytes=max_bytes
            )
        return response

    def _question(self, tokens: int, *, stream: bool) -> HttpRequest:
        chat = ChatRequest(
            model=self.model,
            messages=(Message(role="user", content=(TextPart(text=_QUESTION if stream else "Hi"),)),),
            stream_usage=False,
            extras={self._limit: tokens},
        )
        return HttpRequest(
            method="POST",
            url=self.chat_url,
            headers=(
                ("Content-Type", "application/json"),
                ("Accept", "text/event-stream" if stream else "application/json"),
            ),
            body=self.codec.encode_request(chat, stream=stream),
        )

    def _asked(self, name: CheckName) -> Asked:
        return Asked(
            name=name,
            key=Text.of("LLM_API_URL"),
            connect=self.inference.connect,
            limit=self.inference.read,
            limit_key="LLM_REQUEST_TIMEOUT",
            allowed=self.allowed,
        )

    def _refusal(self, asked: Asked, response: HttpResponse) -> Check:
        return refusal_of_question(asked, response, model=self.model, known=self.known, chat_url=self.chat_url)


def _is_short(answer: ChatResponse) -> bool:
    """Whether the limit of one token was kept, so that the time which this took tells something."""
    return answer.finish_reason == "length" or len(answer.message.text) <= _SHORT_ANSWER_CHARS


def _beginning(stream: ResponseStream) -> bytes:
    body = b""
    try:
        for piece in stream:
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                break
    except TransportError:
        pass  # the status says enough
    return body
