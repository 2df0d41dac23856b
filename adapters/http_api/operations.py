"""The relayed operations: chat completions, completions, embeddings."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import Scope

from adapters.wire.openai_requests import PreparedRequest, prepare_chat, prepare_completion, prepare_embeddings
from adapters.wire.relay_headers import REQUEST_ID
from domain.http import Headers
from ports.gateway import Relay
from ports.transport import Followed

# These differ from request to request. The length is for whoever sends the body on to tell.
_EACH_ITS_OWN = frozenset({REQUEST_ID.encode("ascii"), b"content-length"})


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
    return RelayedRequest(
        relay=Relay(
            path=operation.path,
            query=scope["query_string"].decode("latin-1"),
            request_id=state["request_id"],
            headers=_texts(tuple([field for field in scope["headers"] if field[0] not in _EACH_ITS_OWN])),
            body=prepared.body,
        ),
        streamed=prepared.stream,
        choices=prepared.choices,
        begun_s=state["begun_s"],
    )


# The same tuple for the same fields: whatever is made of it need not be made again.
@lru_cache(256)
def _texts(fields: tuple[tuple[bytes, bytes], ...]) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)
