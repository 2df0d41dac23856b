"""The relayed operations: chat completions, completions, embeddings."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Scope

from adapters.wire.openai_requests import PreparedRequest, prepare_chat, prepare_completion, prepare_embeddings
from adapters.wire.relay_headers import REQUEST_ID
from ports.gateway import Relay
from ports.transport import Followed

_FIELD = REQUEST_ID.encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`path` is below `/v1/`; `told` describes it in the API's documentation."""

    path: str
    prepare: Callable[..., PreparedRequest]
    told: str


OPERATIONS = {
    f"/v1/{operation.path}": operation
    for operation in (
        Operation(
            path="chat/completions",
            prepare=prepare_chat,
            told='OpenAI API reference, "Create chat completion"; streaming and not.',
        ),
        Operation(
            path="completions",
            prepare=prepare_completion,
            told='OpenAI API reference, "Create completion" (legacy).',
        ),
        Operation(path="embeddings", prepare=prepare_embeddings, told='OpenAI API reference, "Create embeddings".'),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayedRequest:
    """`choices` is how many answers are due. `asked` is what the upstream has been asked already, if it has."""

    relay: Relay
    streamed: bool
    choices: int
    begun_s: float
    asked: Followed | None = None


def relayed_request(scope: Scope, body: bytes, *, default_model: str) -> RelayedRequest:
    """The request that goes to the upstream. Raises InvalidRequestError."""
    operation = OPERATIONS[scope["path"]]
    prepared = operation.prepare(body, default_model=default_model)
    state = scope["state"]
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"] if name != _FIELD]
    headers.append((REQUEST_ID, state["request_id"]))
    return RelayedRequest(
        relay=Relay(
            path=operation.path,
            query=scope["query_string"].decode("latin-1"),
            headers=tuple(headers),
            body=prepared.body,
        ),
        streamed=prepared.stream,
        choices=prepared.choices,
        begun_s=state["begun_s"],
    )
