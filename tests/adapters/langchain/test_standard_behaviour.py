"""What every LangChain model does with its parameters, by name and by call, and what it tells its callbacks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.exceptions import ModelAPIError
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult
from typing_extensions import override

from tests.adapters.langchain.ways import STREAMED, WAYS, Way, hear, model_at
from tests.fakes.upstream_server import (
    JSON,
    MODEL,
    UpstreamServer,
    answering,
    error_body,
    hang_up,
    in_turn,
    replying,
    streaming,
    word,
)

ways = pytest.mark.parametrize("way", WAYS)
streamed = pytest.mark.parametrize("way", STREAMED)
BUSY = replying(error_body("busy"), status=503, headers=(*JSON, ("Retry-After", "0.01"), ("X-Who", "me")))


@pytest.fixture
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer() as server:
        yield server


@pytest.fixture
def model(upstream: UpstreamServer, tmp_path: Path) -> Any:
    return model_at(upstream, tmp_path)


BARE = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": False}
# By the name of the parameter: a value, and what of it is on the wire.
SENT: dict[str, tuple[Any, dict[str, Any]]] = {
    "model": ("other", {"model": "other"}),
    "model_name": ("other", {"model": "other"}),
    "temperature": (0, {"temperature": 0}),
    "max_tokens": (7, {"max_tokens": 7}),
    "max_completion_tokens": (7, {"max_completion_tokens": 7}),
    "stop": (["x", "y"], {"stop": ["x", "y"]}),
    "stop_sequences": (["x"], {"stop": ["x"]}),
    "top_p": (0.5, {"top_p": 0.5}),
    "seed": (0, {"seed": 0}),
    "n": (2, {"n": 2}),
    "logprobs": (True, {"logprobs": True}),
    "top_logprobs": (3, {"top_logprobs": 3}),
    "frequency_penalty": (0.5, {"frequency_penalty": 0.5}),
    "presence_penalty": (0.0, {"presence_penalty": 0.0}),
    "reasoning_effort": ("low", {"reasoning_effort": "low"}),
    "model_kwargs": ({"logit_bias": {"7": 1}}, {"logit_bias": {"7": 1}}),
    "extra_body": ({"top_k": 5, "nested": {"a": [1]}}, {"top_k": 5, "nested": {"a": [1]}}),
    "max_retries": (3, {}),
    "timeout": (9.5, {}),
    "request_timeout": ((3, 9), {}),
    "stream_chunk_timeout": (9.5, {}),
    "stream_usage": (False, {}),
    "default_headers": ({"X-Own": "1"}, {}),
    "repair_tool_calls": (False, {}),
    "api_key": ("sk-another", {}),
    "openai_api_key": ("sk-another", {}),
}


# There None means: as the model has it.
KEPT = frozenset({"model", "model_name", "stop", "model_kwargs", "extra_body", "stream_usage"})


@ways
@pytest.mark.parametrize("name", SENT)
def test_a_parameter_is_sent_when_it_was_given_and_not_otherwise(
    upstream: UpstreamServer, tmp_path: Path, way: Way, name: str
) -> None:
    value, members = SENT[name]
    unsaid: dict[str, Any] = dict(BARE)
    if way in STREAMED:
        unsaid |= {"stream": True, "stream_options": {"include_usage": True}}
    said = unsaid | members
    if way in STREAMED:
        # A stream has room for one answer.
        said.pop("n", None)
    if name == "stream_usage":
        # Off.
        said.pop("stream_options", None)
    plain, given = model_at(upstream, tmp_path), model_at(upstream, tmp_path, **{name: value})

    for asked, options, body in (
        (plain, {}, unsaid),
        (given, {}, said),
        (plain, {name: value}, said),
        (plain.bind(**{name: value}), {}, said),
        (plain, {name: None}, unsaid),
        (given, {name: None}, said if name in KEPT else unsaid),
    ):
        assert hear(way, asked, **options).message.text == "Hello"
        assert upstream.bodies[-1] == body


@ways
def test_what_a_call_says_is_stronger_than_what_the_model_says(
    upstream: UpstreamServer, tmp_path: Path, way: Way
) -> None:
    model = model_at(
        upstream,
        tmp_path,
        temperature=1,
        stop=["a"],
        model_kwargs={"top_k": 1, "user": "x"},
        extra_body={"min_p": 0.1, "temperature": 0.9},
        default_headers={"X-Own": "1", "X-Two": "1"},
    )
    options = {
        "temperature": 0.5,
        "stop": ["b"],
        "top_k": 2,
        "extra_body": {"min_p": 0.2},
        "extra_headers": {"X-Own": "2", "Authorization": "Bearer forged"},
    }
    assert hear(way, model, **options).message.text == "Hello"
    body = upstream.bodies[-1]
    assert {key: body[key] for key in ("stop", "top_k", "user", "min_p", "temperature")} == {
        "stop": ["b"],
        "top_k": 2,
        "user": "x",
        "min_p": 0.2,
        "temperature": 0.9,  # the extra body is stronger than anything
    }
    request = upstream.asked[-1]
    assert [request.header(name) for name in ("X-Own", "X-Two", "Authorization")] == [
        "2",
        "1",
        "Bearer sk-unchanging-key-0123456789",
    ]


@ways
def test_another_address_may_be_given_with_the_call(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    with UpstreamServer() as other:
        model = model_at(upstream, tmp_path)
        assert hear(way, model, base_url=f"{other.url}/some/api/").message.text == "Hello"
        assert hear(way, model_at(upstream, tmp_path, openai_api_base=other.api_url)).message.text == "Hello"
        assert [request.target for request in other.asked] == ["/some/api/chat/completions", "/v1/chat/completions"]
    assert upstream.asked == []


@ways
def test_how_often_to_try_again_is_as_the_model_has_it_where_the_call_says_none(
    upstream: UpstreamServer, tmp_path: Path, way: Way
) -> None:
    upstream.behaviour = in_turn(BUSY, answering)
    assert hear(way, model_at(upstream, tmp_path, max_retries=1), max_retries=None).message.text == "Hello"


def test_what_is_none_is_as_the_environment_has_it(upstream: UpstreamServer, tmp_path: Path) -> None:
    nothing = dict.fromkeys(("model", "base_url", "api_key", "timeout", "stream_usage", "max_retries", "streaming"))
    assert hear("stream", model_at(upstream, tmp_path, **nothing)).message.text == "Hello"
    assert upstream.bodies == [{**BARE, "stream": True, "stream_options": {"include_usage": True}}]


@pytest.mark.parametrize("limit", [0, -1, "soon", (3, 0), httpx.Timeout(0)])
def test_a_time_limit_that_is_none_is_refused(upstream: UpstreamServer, tmp_path: Path, limit: Any) -> None:
    with pytest.raises(ValueError, match="timeout"):
        model_at(upstream, tmp_path, timeout=limit)
    assert isinstance(hear("invoke", model_at(upstream, tmp_path), timeout=limit).error, ValueError)
    assert upstream.asked == []


@pytest.mark.parametrize(
    "name", ["temprature", "max_token", "organization", "http_client", "use_responses_api", "azure_endpoint"]
)
def test_an_unknown_parameter_is_refused(upstream: UpstreamServer, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        model_at(upstream, tmp_path, **{name: "secret-value"})


@ways
@pytest.mark.parametrize("name", ["streaming", "token_manager", "cache", "rate_limiter", "http_client", "profile"])
def test_what_only_a_model_can_have_does_not_reach_the_upstream_by_a_call(
    upstream: UpstreamServer, model: Any, way: Way, name: str
) -> None:
    error = hear(way, model, **{name: True}).error
    assert isinstance(error, ValueError)
    assert name in str(error)
    assert upstream.asked == []


@ways
@pytest.mark.parametrize(
    "question", ["Hi", [("human", "Hi")], [HumanMessage("Hi")], [{"role": "user", "content": "Hi"}]]
)
def test_a_question_may_have_any_form(upstream: UpstreamServer, model: Any, way: Way, question: Any) -> None:
    assert hear(way, model, question).message.text == "Hello"
    assert upstream.bodies[-1]["messages"] == [{"role": "user", "content": "Hi"}]


class Recorder(BaseCallbackHandler):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.ends: list[LLMResult] = []
        self.errors: list[tuple[BaseException, LLMResult | None]] = []
        self.starts: list[dict[str, Any]] = []

    @override
    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.starts.append(kwargs)

    @override
    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        assert isinstance(chunk, ChatGenerationChunk)
        self.tokens.append(str(token))

    @override
    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.ends.append(response)

    @override
    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append((error, kwargs.get("response")))


@ways
def test_callbacks_hear_tokens_and_the_usage_and_tags(model: Any, way: Way) -> None:
    recorder, usage = Recorder(), UsageMetadataCallbackHandler()
    config = {"callbacks": [recorder, usage], "tags": ["t"], "metadata": {"k": "v"}, "run_name": "named"}

    assert hear(way, model, config=config).message.text == "Hello"

    assert "".join(recorder.tokens) == ("Hello" if way in STREAMED else "")
    generation = recorder.ends[0].generations[0][0]
    assert isinstance(generation, ChatGeneration)
    assert isinstance(generation.message, AIMessage)
    assert generation.message.usage_metadata
    assert generation.message.usage_metadata["total_tokens"] == 5
    assert usage.usage_metadata[MODEL]["total_tokens"] == 5
    (start,) = recorder.starts
    assert (start["tags"], start["metadata"]["k"], start["name"]) == (["t"], "v", "named")
    assert (start["metadata"]["ls_provider"], start["metadata"]["ls_model_name"]) == ("oca", "m")


@ways
def test_callbacks_hear_of_an_error_with_the_upstreams_answer(upstream: UpstreamServer, model: Any, way: Way) -> None:
    upstream.behaviour = BUSY
    recorder = Recorder()

    assert isinstance(hear(way, model, config={"callbacks": [recorder]}).error, ModelAPIError)

    ((error, result),) = recorder.errors
    assert isinstance(error, ModelAPIError)
    assert result
    message: Any = cast("ChatGeneration", result.generations[-1][0]).message
    assert message.response_metadata["status_code"] == 503
    assert message.response_metadata["headers"]["x-who"] == "me"
    assert message.response_metadata["body"]["error"]["message"] == "busy"


@streamed
def test_callbacks_hear_what_came_before_a_stream_broke(upstream: UpstreamServer, model: Any, way: Way) -> None:
    upstream.behaviour = streaming(word("Hel"), hang_up)
    recorder = Recorder()

    assert hear(way, model, config={"callbacks": [recorder]}).error

    ((_, result),) = recorder.errors
    assert result
    assert result.generations[0][0].text == "Hel"


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_model_may_stream_behind_the_scenes(upstream: UpstreamServer, tmp_path: Path, way: Way) -> None:
    recorder = Recorder()
    model = model_at(upstream, tmp_path, streaming=True)

    message = hear(way, model, config={"callbacks": [recorder]}).message

    assert type(message) is AIMessage
    assert (message.text, "".join(recorder.tokens)) == ("Hello", "Hello")
    assert message.usage_metadata
    assert message.usage_metadata["total_tokens"] == 5
    assert upstream.bodies[-1]["stream"] is True
    hear(way, model, stream=False)
    assert upstream.bodies[-1]["stream"] is False
