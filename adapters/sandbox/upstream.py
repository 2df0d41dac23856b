"""An OpenAI-style upstream: models, chat, completions and embeddings, for holders of a valid access token.

It is strict about what it is sent and keeps to OpenAI's schemas in what it answers. Answers are made by rule and say
so. A last user message of `/help` lists what can be tried; `/fail …` and `/slow` ask for failures and pauses, as
`adapters.sandbox.failures` tells.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.sandbox.chat_messages import last_user_message
from adapters.sandbox.chat_requests import read_chat
from adapters.sandbox.completions import complete
from adapters.sandbox.content_parts import text_of
from adapters.sandbox.controls import SandboxControls
from adapters.sandbox.embeddings import embed
from adapters.sandbox.failures import (
    SHORT_OF_ITS_LENGTH,
    Failure,
    Wish,
    failed_response,
    paced_stream,
    paced_whole,
    wish_in,
)
from adapters.sandbox.json_values import JsonObject, as_object, json_bytes
from adapters.sandbox.models import MODELS, model_entry
from adapters.sandbox.paced import HungUpResponse, PacedResponse
from adapters.sandbox.refusals import (
    RefusedRequestError,
    error_body,
    invalid_type,
    json_response,
    missing_parameter,
    refusal_response,
)
from adapters.sandbox.streams import answer_chunks, sse_event, whole_answer
from adapters.sandbox.text_completions import complete_text, read_prompts, text_chunks, whole_text
from adapters.sandbox.world import CHAT_PATH, EMBEDDING_MODEL, MODELS_PATH
from domain.http import HttpRequest
from ports.clock import Clock

_Handler = Callable[[JsonObject], Response]


def upstream(controls: SandboxControls, clock: Clock) -> Starlette:
    """An ASGI application that serves the API below `/v1`."""
    api = _Api(controls, clock)
    return Starlette(
        routes=[
            Route(MODELS_PATH, api.endpoint(api.list_models), methods=["GET"]),
            Route(f"{MODELS_PATH}/{{model:path}}", api.endpoint(api.show_model), methods=["GET"]),
            Route(CHAT_PATH, api.endpoint(api.posted(api.chat)), methods=["POST"]),
            Route("/v1/completions", api.endpoint(api.posted(api.complete)), methods=["POST"]),
            Route("/v1/embeddings", api.endpoint(api.posted(api.embed)), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _unknown_address},
    )


class _Api:
    def __init__(self, controls: SandboxControls, clock: Clock) -> None:
        self._controls = controls
        self._clock = clock

    def endpoint(self, handler: Callable[[Request, bytes], Response]) -> Callable[[Request], Awaitable[Response]]:
        """What every request goes through: it is recorded, its token is checked, its refusal is worded."""

        async def serve(request: Request) -> Response:
            try:
                body = await request.body()
            except ClientDisconnect:
                return HungUpResponse()
            self._record(request, body)
            try:
                self._check_token(request)
                response = handler(request, body)
            except RefusedRequestError as refusal:
                response = refusal_response(refusal)
            response.headers["x-request-id"] = f"req_{uuid4().hex}"
            return response

        return serve

    def posted(self, handler: _Handler) -> Callable[[Request, bytes], Response]:
        """A JSON object in the body, with a model that exists."""

        def serve(request: Request, body: bytes) -> Response:
            document = _read_json(request, body)
            _check_model(document)
            return handler(document)

        return serve

    def list_models(self, _request: Request, _body: bytes) -> Response:
        return json_response({"object": "list", "data": [model_entry(name) for name in MODELS]})

    def show_model(self, request: Request, _body: bytes) -> Response:
        name = request.path_params["model"]
        if name not in MODELS:
            raise _no_such_model(name)
        return json_response(model_entry(name))

    def chat(self, body: JsonObject) -> Response:
        if body["model"] == EMBEDDING_MODEL:
            raise RefusedRequestError(
                "This is not a chat model and thus not supported in the v1/chat/completions endpoint.",
                param="model",
                status=404,
            )
        call = read_chat(body)
        wish = self._granted(wish_in(text_of(last_user_message(call.messages))), body)
        completion = complete(call, body, created=self._now_s(), refuses=wish.failure is Failure.REFUSAL)
        if call.stream:
            return self._stream(answer_chunks(completion), wish)
        words = sum(choice.tokens for choice in completion.choices)
        return self._whole(whole_answer(completion), wish, words=words)

    def complete(self, body: JsonObject) -> Response:
        if body["model"] == EMBEDDING_MODEL:
            raise RefusedRequestError(
                "This model does not complete texts and is not supported in the v1/completions endpoint.",
                param="model",
                status=404,
            )
        completion = complete_text(body, created=self._now_s())
        wish = self._granted(wish_in(read_prompts(body)[-1]), body)
        if completion.stream:
            return self._stream(text_chunks(completion), wish)
        words = sum(len(choice.pieces) for choice in completion.choices)
        return self._whole(whole_text(completion), wish, words=words)

    def embed(self, body: JsonObject) -> Response:
        if body["model"] != EMBEDDING_MODEL:
            raise RefusedRequestError(
                f"You are not allowed to generate embeddings from this model. Use {EMBEDDING_MODEL}.",
                param="model",
                status=403,
            )
        return json_response(embed(body))

    def _granted(self, wish: Wish, body: JsonObject) -> Wish:
        """The wish, unless it is for a failure that this very body has had."""
        if not wish.once:
            return wish
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        return wish if self._controls.is_first(digest) else Wish()

    def _stream(self, payloads: Iterable[JsonObject], wish: Wish) -> Response:
        events = [sse_event(payload) for payload in payloads]
        failed = failed_response(wish, stream=True)
        if failed is not None:
            return failed
        pause = self._controls.word_pause if wish.pause is None else wish.pause
        return PacedResponse(
            paced_stream(events, pause=pause, failure=wish.failure),
            self._controls,
            headers={"cache-control": "no-cache"},
            media_type="text/event-stream; charset=utf-8",
        )

    def _whole(self, payload: JsonObject, wish: Wish, *, words: int) -> Response:
        failed = failed_response(wish, stream=False)
        if failed is not None:
            return failed
        body = json_bytes(payload)
        # A whole answer takes time only when it is asked to: as long as its stream would.
        pause = timedelta(0) if wish.pause is None else wish.pause * words
        return PacedResponse(
            paced_whole(body, pause=pause, failure=wish.failure),
            self._controls,
            headers={} if wish.failure in SHORT_OF_ITS_LENGTH else {"content-length": str(len(body))},
        )

    def _record(self, request: Request, body: bytes) -> None:
        query = f"?{request.url.query}" if request.url.query else ""
        self._controls.record(
            HttpRequest(
                method=request.method, url=request.url.path + query, headers=tuple(request.headers.items()), body=body
            )
        )

    def _check_token(self, request: Request) -> None:
        """RFC 6750 section 3: the challenge tells a missing token from a bad one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise RefusedRequestError(
                "You didn't provide an access token. Send it as: Authorization: Bearer ACCESS_TOKEN.",
                status=401,
                headers={"WWW-Authenticate": 'Bearer realm="oca-sandbox"'},
            )
        if not self._controls.logins.accepts(token.strip()):
            raise RefusedRequestError(
                "The access token is unknown, expired or revoked.",
                status=401,
                headers={"WWW-Authenticate": 'Bearer realm="oca-sandbox", error="invalid_token"'},
            )

    def _now_s(self) -> int:
        return int(self._clock.now().timestamp())


def _read_json(request: Request, body: bytes) -> JsonObject:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusedRequestError("The content type must be application/json.", status=415)
    try:
        document: Any = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedRequestError("We could not parse the JSON body of your request.") from error
    found = as_object(document)
    if found is None:
        raise RefusedRequestError("The JSON body of your request must be an object.")
    return found


def _refuse_constant(word: str) -> None:
    # Python reads NaN and Infinity, which are not JSON (RFC 8259 section 6).
    raise ValueError(word)


def _check_model(body: JsonObject) -> None:
    if body.get("model") is None:
        raise missing_parameter("model")
    if not isinstance(body["model"], str):
        raise invalid_type("model", "a string", body["model"])
    if body["model"] not in MODELS:
        raise _no_such_model(body["model"])


def _no_such_model(name: str) -> RefusedRequestError:
    return RefusedRequestError(
        f"The model `{name}` does not exist or you do not have access to it.", code="model_not_found", status=404
    )


async def _unknown_address(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    message = f"Invalid URL ({request.method} {request.url.path})"
    return json_response(error_body(message, status=status), status=status, headers=headers)
